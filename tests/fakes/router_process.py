"""The router as TGI's launcher starts it, on simulated shards, each a process of its own; killed or stopped at will."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

WAIT_S = 60.0


@dataclass
class RouterProcess:
    """A router that serves, and its shards."""

    url: str
    plan_url: str
    router: "subprocess.Popen[bytes]"
    shards: "subprocess.Popen[bytes]"
    folder: Path
    shards_command: Sequence[str]

    @property
    def log(self) -> str:
        """What the router has said."""
        return (self.folder / "router.log").read_text(encoding="utf-8", errors="replace")

    def start_shards_again(self) -> None:
        """As a supervisor would, after they were lost."""
        self.shards = _start(self.shards_command, self.folder / "shards.log")

    def await_health(self, status: int, within_s: float = WAIT_S) -> None:
        """Wait until `/health` answers so."""
        wait_until(lambda: httpx.get(f"{self.url}/health", timeout=30).status_code == status, within_s)

    def metric(self, name: str) -> float:
        """Sum of a metric's samples."""
        lines = httpx.get(f"{self.url}/metrics", timeout=30).text.splitlines()
        found = [float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        assert found, f"no metric {name}"
        return sum(found)


@contextmanager
def router_process(
    folder: Path,
    flags: Sequence[str] = (),
    settings: dict[str, str] | None = None,
    ranks: int = 1,
    speed: float = 1.0,
    gpus: bool = False,
) -> Iterator[RouterProcess]:
    """Start shards and router; yields when it serves, and leaves no process behind.

    With `gpus` the shards have simulated GPUs, whose boards are at `folder / "gpu-0"` and so on, and the router reads
    and governs them.
    """
    program = [sys.executable, "-m", "freesh_plugin.main"]
    command = [*program, "simulated-shards", f"{folder}/s", "--ranks", str(ranks), "--speed", str(speed)]
    shards_command = [*command, "--model-folder", f"{folder}/model", *(["--gpus", f"{folder}/gpu"] if gpus else [])]
    shards = _start(shards_command, folder / "shards.log")
    router = None
    try:
        wait_until(lambda: (folder / f"s-{ranks - 1}").exists())
        own = [
            "--hostname",
            "127.0.0.1",
            "--port",
            "0",
            "--prometheus-port",
            "0",
            "--tokenizer-name",
            f"{folder}/model",
        ]
        env = {"FREESH_STATE_DIR": f"{folder}/state", "FREESH_ADMIN_PORT": "0", **(settings or {})}
        if gpus:
            simulated = {"FREESH_GPU": "simulated", "FREESH_SIMULATED_GPUS": f"{folder}/gpu", "FREESH_GOVERNOR": "miad"}
            env = simulated | env
        own += ["--master-shard-uds-path", f"{folder}/s-0", *flags]
        router = _start([*program, "router", *own], folder / "router.log", env)
        urls = _urls(router, folder / "router.log")
        running = RouterProcess(*urls, router, shards, folder, shards_command)
        yield running
        shards = running.shards
    finally:
        for process in (router, shards):
            if process is not None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()


def wait_until(is_so: Callable[[], bool], within_s: float = WAIT_S) -> None:
    """Look again and again."""
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, f"not so within {within_s} s"
        time.sleep(0.05)


def _start(command: Sequence[str], log: Path, env: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
    clean = {key: value for key, value in os.environ.items() if not key.startswith("FREESH_")}
    with log.open("ab") as out:
        return subprocess.Popen(command, stdout=out, stderr=out, env={**clean, **(env or {})})


def _urls(router: "subprocess.Popen[bytes]", log: Path) -> tuple[str, str]:
    found: dict[str, str] = {}

    def ready() -> bool:
        assert router.poll() is None, log.read_text(encoding="utf-8")
        for line in log.read_text(encoding="utf-8").splitlines():
            word, _, url = line.partition(" ")
            if word in ("serving", "ready"):
                found[word] = url
        return len(found) == 2

    wait_until(ready)
    return found["serving"], found["ready"]
