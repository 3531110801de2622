"""Starts TGI's own Python server, one shard a rank, with the arguments and environment that TGI's launcher gives it."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STAND_IN = Path(__file__).parent
"""Folder that holds the stand-in `intel_extension_for_pytorch`, to go on PYTHONPATH."""

UDS_NAME = "shard"
"""File name of the --shard-uds-path."""

_START_LIMIT_S = 120.0
_STOP_LIMIT_S = 20.0
_POLL_S = 0.05


@dataclass(frozen=True)
class ShardSettings:
    """What to serve and how.

    `python` runs the console script that lies beside `tgi_python`; the two differ when the plugin is installed in an
    environment of its own. `flash` runs FlashCausalLM on the CPU by the stand-in; otherwise the padded CausalLM.
    `hook` sets FREESH_EXACT_IDS=1.
    """

    python: Path
    tgi_python: Path
    model: Path
    flash: bool
    ranks: int = 1
    hook: bool = False
    extra_env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Shards:
    """Running shards: `uds_path` is the launcher's --shard-uds-path, rank r listens at `<uds_path>-<r>`."""

    uds_path: Path
    model: Path
    ranks: int
    processes: tuple[subprocess.Popen[bytes], ...]
    logs: tuple[Path, ...]

    @property
    def master_uds_path(self) -> Path:
        """What the router gets as --master-shard-uds-path."""
        return Path(f"{self.uds_path}-0")

    def log_text(self, rank: int = 0) -> str:
        """Everything that a rank has printed."""
        return self.logs[rank].read_text(encoding="utf-8", errors="replace")


TgiModel = Callable[..., Shards]
"""The fixture `tgi_model("gpt2" | "llama", ranks=1, hook=True)`: running shards."""


@contextmanager
def socket_folder() -> Iterator[Path]:
    """A new folder with a short name: a socket's path has at most 107 bytes, and pytest's own folders are too deep."""
    folder = Path(tempfile.mkdtemp(prefix="tgi-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serve_shards(settings: ShardSettings) -> Iterator[Shards]:
    """Start all ranks in a folder of their own, as `serve_shards_in` does."""
    with socket_folder() as folder, serve_shards_in(folder, settings) as shards:
        yield shards


@contextmanager
def serve_shards_in(folder: Path, settings: ShardSettings) -> Iterator[Shards]:
    """Start all ranks, wait for their sockets (the launcher's sign of readiness), and end them after the block."""
    shards = _start(settings, folder)
    try:
        _wait(shards)
        yield shards
    finally:
        _stop(shards)


def shard_arguments(settings: ShardSettings, uds_path: Path) -> list[str]:
    """The launcher's command line for a shard, the console script's interpreter named."""
    sharded = ["--sharded"] if settings.ranks > 1 else []
    return [
        str(settings.python),
        str(settings.tgi_python.parent / "text-generation-server"),
        "serve",
        str(settings.model),
        "--uds-path",
        str(uds_path),
        "--logger-level",
        "INFO",
        "--json-output",
        *sharded,
        "--otlp-service-name",
        "text-generation-inference.server",
    ]


def shard_environment(settings: ShardSettings, rank: int, master_port: int) -> dict[str, str]:
    """The environment that the launcher gives rank `rank`, and what the CPU and the hook need."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FREESH_"))}
    given = {
        "RANK": str(rank),
        "WORLD_SIZE": str(settings.ranks),
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(master_port),
        "TORCH_NCCL_AVOID_RECORD_STREAMS": "1",
        "CUDA_MEMORY_FRACTION": "1.0",
        "SAFETENSORS_FAST_GPU": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_ENABLE_HF_TRANSFER": "1",
        "ATTENTION": "flashdecoding-ipex" if settings.flash else "paged",
        "PREFIX_CACHING": "1" if settings.flash else "0",
        # As with the launcher's --enable-prefill-logprobs: flash models then tell the ids of a prompt.
        "REQUEST_LOGPROBS": "1",
        # Two cores are all there may be: more threads than that only wait for each other.
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    if settings.flash:
        given["PYTHONPATH"] = str(STAND_IN)
    if settings.hook:
        given["FREESH_EXACT_IDS"] = "1"
    return inherited | given | dict(settings.extra_env)


def _start(settings: ShardSettings, folder: Path) -> Shards:
    uds_path = folder / UDS_NAME
    master_port = _free_port()
    logs = tuple(folder / f"rank-{rank}.log" for rank in range(settings.ranks))
    processes: list[subprocess.Popen[bytes]] = []
    for rank, log in enumerate(logs):
        with log.open("wb") as output:
            process = subprocess.Popen(
                shard_arguments(settings, uds_path),
                env=shard_environment(settings, rank, master_port),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        processes.append(process)
    return Shards(uds_path, settings.model, settings.ranks, tuple(processes), logs)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait(shards: Shards) -> None:
    deadline_s = time.monotonic() + _START_LIMIT_S
    for rank, process in enumerate(shards.processes):
        while not Path(f"{shards.uds_path}-{rank}").exists():
            assert process.poll() is None, f"rank {rank} exited with {process.returncode}:\n{shards.log_text(rank)}"
            assert time.monotonic() < deadline_s, f"rank {rank} has no socket yet:\n{shards.log_text(rank)}"
            time.sleep(_POLL_S)


def _stop(shards: Shards) -> None:
    for process in shards.processes:
        process.send_signal(signal.SIGTERM)
    deadline_s = time.monotonic() + _STOP_LIMIT_S
    for process in shards.processes:
        try:
            process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
