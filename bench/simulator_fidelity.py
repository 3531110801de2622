"""The simulated instance against a live router: the same requests, the same step and power model, the same numbers?

A live `freesh router` serves on a simulated shard with a simulated GPU, all processes of their own; clients note when
they sent and when tokens came. The simulator then serves what was recorded: arrival times, prompts, answer lengths.
What the live processes need between passes is no part of the simulator. The slower the passes, the less that is: there
are two speeds, and beside them what is simulated if each pass takes longer by what the router measured between passes.

Usage: python -m bench.simulator_fidelity
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean

import httpx

from bench.record import ROOT, is_current, record
from freesh_plugin.adapters.gpu.simulated import SimulatedGpu, simulated_gpus
from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.core.power_model import ASSUMED as POWER
from freesh_plugin.core.power_model import ASSUMED_SHARES, IDLE, power_w
from freesh_plugin.core.step_model import ASSUMED as STEP
from freesh_plugin.core.step_model import StepModel
from models.domain.engine import EngineModel
from models.domain.workload import WorkloadRequest
from models.simulator.pool_run import Pool, serve_pool
from tests.fakes.live_requests import Answered, Planned, plan_requests, send_all
from tests.fakes.router_process import RouterProcess, router_process

NAME = "simulator_fidelity"
CODE = [
    ROOT / "freesh_plugin" / "runtime",
    ROOT / "freesh_plugin" / "services",
    *sorted((ROOT / "models" / "simulator").glob("instance*.py")),
    ROOT / "bench" / "simulator_fidelity.py",
    ROOT / "tests" / "fakes" / "live_requests.py",
]
MEMORY_TOKENS = 200_000
BATCH = 4096
CHUNK_TOKENS = 4096
_WARM_UP = 3


@dataclass(frozen=True)
class Drive:
    """How a live run is driven: requests, a second, medians of their lengths in tokens, and how fast passes are."""

    count: int
    rate_rps: float
    prompt_tokens: float
    answer_tokens: float
    speed: float
    seed: int = 1


@dataclass(frozen=True)
class Means:
    """What users and operators see: means over requests, seconds; joules up to the last token."""

    ttft_s: float
    tbt_s: float
    energy_j: float


@dataclass(frozen=True)
class LiveRun:
    """What came of a live run.

    Attributes:
        answered: All requests.
        means: Over them.
        overhead: Share of its time in which no pass was computed though it could be.
        between_s: That time, by pass.
    """

    answered: Sequence[Answered]
    means: Means
    overhead: float
    between_s: float


RUNS = {
    "slow passes": Drive(500, 10.0, 16, 9, 0.05),
    "longer prompts and answers": Drive(500, 8.0, 128, 30, 0.25),
}


def live(drive: Drive, folder: Path) -> LiveRun:
    """Serve the requests with a live router."""
    planned = plan_requests(drive.count, drive.rate_rps, drive.prompt_tokens, drive.answer_tokens, drive.seed)
    with router_process(folder, [], {"FREESH_GOVERNOR": "static"}, speed=drive.speed, gpus=True) as running:
        (gpu,) = simulated_gpus(folder / "gpu")
        asyncio.run(send_all(running.url, planned[:_WARM_UP]))
        before = _passes_s(running)
        answered, energy_j = _metered(running.url, planned, gpu)
        between_s, forward_s, calls_s, calls = (b - a for a, b in zip(before, _passes_s(running), strict=True))
    lost_s = calls_s - forward_s + between_s
    means = Means(fmean(each.ttft_s for each in answered), fmean(each.tbt_s for each in answered), energy_j)
    return LiveRun(answered, means, lost_s / (calls_s + between_s), lost_s / calls)


def _metered(url: str, planned: Sequence[Planned], gpu: SimulatedGpu) -> tuple[list[Answered], float]:
    """The answers, and the joules from the first request to the last token."""
    idle_w = power_w(POWER, POWER.top_clock_mhz, IDLE)
    began_s, began_j = time.monotonic(), gpu.board.look().energy_j
    answered = asyncio.run(send_all(url, planned))
    ended_s, ended_j = time.monotonic(), gpu.board.look().energy_j
    served_s = max(each.token_s[-1] for each in answered) - min(each.sent_s for each in answered)
    return answered, ended_j - began_j - idle_w * (ended_s - began_s - served_s)


def _passes_s(running: RouterProcess) -> tuple[float, float, float, float]:
    """Seconds between calls of the shard, of its passes, and of the calls, as the router counts them; and calls."""
    lines = httpx.get(f"{running.url}/metrics", timeout=30).text.splitlines()

    def total(name: str) -> float:
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    return (
        total("freesh_router_step_seconds_sum"),
        total("tgi_batch_forward_duration_sum"),
        total("tgi_batch_inference_duration_sum"),
        total("tgi_batch_inference_duration_count"),
    )


def simulated(answered: Sequence[Answered], speed: float, between_s: float = 0.0) -> Means:
    """The same requests in the simulator, every pass longer by `between_s`."""
    run = serve_pool(Pool(engine(speed, between_s)), workload(answered))
    ttfts, tbts = [], []
    for each in run.outcomes:
        assert each.first_token_s is not None, "nothing is refused here"
        assert each.finished_s is not None, "nothing is refused here"
        ttfts.append(each.first_token_s - each.arrival.at_s)
        tbts.append((each.finished_s - each.first_token_s) / max(each.arrival.request.answer_tokens - 1, 1))
    return Means(fmean(ttfts), fmean(tbts), sum(run.energy_j.values()))


def engine(speed: float, between_s: float = 0.0) -> EngineModel:
    """The simulated shard: its passes take the modelled time over `speed`, and use what they do at full speed."""
    step = replace(
        STEP,
        fixed_ms=STEP.fixed_ms / speed + 1000 * between_s,
        kv_ms=STEP.kv_ms / speed,
        compute_ms=STEP.compute_ms / speed,
        ms_per_request=STEP.ms_per_request / speed,
        prefill_tokens_per_ms=STEP.prefill_tokens_per_ms * speed,
    )
    return _engine(step)


def _engine(step: StepModel) -> EngineModel:
    return EngineModel(
        mode="simulated",
        model="simulated",
        gpu_type="H100",
        gpus=1,
        step=step,
        power=POWER,
        shares=ASSUMED_SHARES,
        max_batch=BATCH,
        kv_tokens=MEMORY_TOKENS,
        chunk_tokens=CHUNK_TOKENS,
        clocks_mhz=(round(POWER.top_clock_mhz),),
    )


def workload(answered: Sequence[Answered]) -> list[WorkloadRequest]:
    """What was recorded, by arrival, the first at 0."""
    first_s = min(each.sent_s for each in answered)
    return [
        WorkloadRequest(
            arrival_s=each.sent_s - first_s,
            prompt_tokens=each.planned.prompt_tokens,
            answer_tokens=len(each.token_s),
            max_new_tokens=each.planned.max_new_tokens,
            estimate=AnswerLength(len(each.token_s), 2.0 * len(each.token_s)),
        )
        for each in sorted(answered, key=lambda each: each.sent_s)
    ]


def main() -> int:
    """Run both and record."""
    if is_current(NAME, [], CODE) and "--force" not in sys.argv:
        return 0
    rows = []
    for name, drive in RUNS.items():
        with tempfile.TemporaryDirectory(prefix="freesh-bench-") as made:
            ran = live(drive, Path(made))
        ours = asdict(simulated(ran.answered, drive.speed))
        theirs = asdict(ran.means)
        later = simulated(ran.answered, drive.speed, ran.between_s)
        rows.append(
            {
                "run": name,
                "drive": asdict(drive),
                "live": {each: round(value, 5) for each, value in theirs.items()},
                "simulated": {each: round(value, 5) for each, value in ours.items()},
                "simulated_over_live": {each: round(ours[each] / theirs[each], 4) for each in ours},
                "share_of_live_time_between_passes": round(ran.overhead, 4),
                "ms_between_passes": round(1000 * ran.between_s, 2),
                "over_live_with_that_time": {
                    "ttft_s": round(later.ttft_s / ran.means.ttft_s, 4),
                    "tbt_s": round(later.tbt_s / ran.means.tbt_s, 4),
                },
            }
        )
        sys.stdout.write(json.dumps(rows[-1]) + "\n")
        sys.stdout.flush()
    record(NAME, command="python -m bench.simulator_fidelity", inputs=[], code=CODE, results={"rows": rows})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
