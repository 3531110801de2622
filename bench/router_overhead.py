"""What the router costs per step: from the end of one Decode call to the start of the next, and when tokens are out.

The step loop runs in this process, the HTTP process beside it, the simulated shard and the clients in processes of
their own, all on this machine's cores. Steps take the simulated H100's time, or no time at all for the saturation.
"""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import psutil

from bench.record import ROOT, calibration_us, is_current, record
from freesh_plugin.adapters import event_loop
from freesh_plugin.adapters.clock import SystemClock
from freesh_plugin.adapters.router_metrics import RouterMetrics
from freesh_plugin.adapters.tgi.router_args import RouterArgs
from freesh_plugin.adapters.tgi.simulated.language import answer_tokens, start_state, states_after
from freesh_plugin.adapters.tgi.simulated.vocabulary import VOCABULARY
from freesh_plugin.config import PluginConfig
from freesh_plugin.core.generation import GenerationEvent
from freesh_plugin.services.front_process import FrontProcess
from freesh_plugin.services.router import Router

NAME = "router_overhead"
BATCHES = (1, 16, 64, 128)
TOKENS = 300
SATURATED_STREAMS = (64, 128)


@dataclass
class Steps:
    """Notes of one run: gaps between calls, when each call began, and how many tokens had gone out by then."""

    gaps_s: list[float] = field(default_factory=list)
    began_s: list[float] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)

    def observe(self, gap_s: float) -> None:
        """Stand in for the histogram of gaps."""
        self.gaps_s.append(gap_s)
        self.began_s.append(SystemClock().monotonic_s())
        self.sent.append(0)

    def emitted(self, events: int) -> None:
        """So many tokens go out after the latest call began."""
        if self.sent:
            self.sent[-1] += events


def late_share(steps: Steps, arrivals: list[float]) -> float:
    """Share of steps some token of which reached its client after the next step but one had begun.

    Tokens of step k go out when step k + 1 has begun; they should have arrived when step k + 2 begins.
    """
    before = len(arrivals) - sum(steps.sent)
    out = [before + each for each in accumulate(steps.sent)]
    late = [bisect_left(arrivals, began) < sent for began, sent in zip(steps.began_s[1:], out, strict=False)]
    return sum(late) / len(late) if late else 0.0


def long_prompts(count: int, tokens: int) -> list[str]:
    """Prompts whose simulated answers do not end before so many tokens, so that the batch stays as large as it is."""
    numbered = (f"Prompt {number} of this bench" for number in itertools.count())
    ids = ((text, VOCABULARY.encode(text, True)) for text in numbered)
    long = (text for text, each in ids if answer_tokens(states_after(start_state(""), each)[-1]) > tokens)
    return list(itertools.islice(long, count))


def measured(streams: int, tokens: int, speed: float) -> dict[str, Any]:
    """One run: router and shard brought up, `streams` answers of `tokens` tokens streamed at once."""
    steps, said = Steps(), {}
    with tempfile.TemporaryDirectory(prefix="freesh-bench-") as made:
        uds, model = f"{made}/s", f"{made}/model"
        command = [sys.executable, "-m", "freesh_plugin.main", "simulated-shards", uds, "--model-folder", model]
        shard = subprocess.Popen([*command, "--speed", str(speed)])
        try:
            said = _routed(steps, Path(made), streams, tokens)
        finally:
            shard.terminate()
            shard.wait()
    gaps = sorted(steps.gaps_s[len(steps.gaps_s) // 10 :])  # without the start, when requests come in
    sizes = sorted(steps.sent)
    return {
        "streams": streams,
        "median_batch": sizes[len(sizes) // 2],
        "steps": len(gaps),
        "gap_ms": {"p50": _at(gaps, 0.5) * 1e3, "p99": _at(gaps, 0.99) * 1e3},
        "late_steps_percent": 100 * late_share(steps, said["arrivals"]) if speed else None,
        "tokens": said["tokens"],
        "tokens_per_s": said["tokens"] / (said["arrivals"][-1] - said["arrivals"][0]),
        "cpu_us_per_token": {name: 1e6 * cpu_s / said["tokens"] for name, cpu_s in said["cpu_s"].items()},
        "calibration_sort_1000_floats_us": calibration_us(),
    }


def _routed(steps: Steps, folder: Path, streams: int, tokens: int) -> dict[str, Any]:
    metrics = RouterMetrics()
    metrics.between_s = steps  # type: ignore[assignment]  # only `observe` is used
    flags = ["--hostname", "127.0.0.1", "--port", "0", "--prometheus-port", "0", "--max-concurrent-requests", "512"]
    flags += ["--tokenizer-name", str(folder / "model"), "--master-shard-uds-path", f"{folder}/s-0"]
    settings = {"FREESH_STATE_DIR": str(folder / "state"), "FREESH_ADMIN_PORT": "0", "FREESH_LOG_LEVEL": "ERROR"}

    class CountingFront(FrontProcess):
        def emit(self, events: list[GenerationEvent]) -> None:
            steps.emitted(len(events))
            super().emit(events)

    prompts = json.dumps(long_prompts(streams, tokens)).encode()
    said: dict[str, Any] = {}
    clients: list[asyncio.Task[None]] = []

    async def stream(port: int) -> None:
        me = psutil.Process()
        before = _cpu_s(me)
        command = [sys.executable, "-m", "bench.stream_clients", "127.0.0.1", str(port), str(tokens)]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        out, _ = await process.communicate(prompts)
        after = _cpu_s(me)
        said.update(json.loads(out), cpu_s={name: after[name] - before[name] for name in after})
        os.kill(os.getpid(), signal.SIGTERM)

    args, config = RouterArgs.parse(flags, {}), PluginConfig.from_env(settings)
    router = Router(args, config, SystemClock(), metrics, CountingFront)
    event_loop.run(
        router.run("bench", lambda port, plan: clients.append(asyncio.get_running_loop().create_task(stream(port))))
    )
    return said


def _cpu_s(me: psutil.Process) -> dict[str, float]:
    """Processor seconds of the step loop's process and of the HTTP process."""
    own, used = me.cpu_times(), {}
    used["step_loop"] = own.user + own.system
    for child in me.children():
        if "freesh_plugin.services.front" in " ".join(child.cmdline()):
            times = child.cpu_times()
            used["http"] = times.user + times.system
    return used


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def main() -> None:
    """Measure each batch at the modelled pace, then the saturation; record."""
    code = [ROOT / "freesh_plugin", ROOT / "bench" / "router_overhead.py", ROOT / "bench" / "stream_clients.py"]
    if is_current(NAME, [], code) and "--force" not in sys.argv:
        return
    paced = [measured(streams, TOKENS, 1.0) for streams in BATCHES]
    saturated = [measured(streams, TOKENS, 0.0) for streams in SATURATED_STREAMS]
    results = {"cores": os.cpu_count(), "paced": paced, "saturated": saturated}
    record(NAME, command="python -m bench.router_overhead", inputs=[], code=code, results=results)
    for each in (*paced, *saturated):
        sys.stdout.write(json.dumps(each) + "\n")


if __name__ == "__main__":
    main()
