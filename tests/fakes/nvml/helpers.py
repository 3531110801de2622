"""Helpers for tests: as children, and as a service."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from freesh_plugin.adapters.gpu.helper_client import HelperClient, Patience, child_helper
from tests.fakes.router_process import wait_until

ROOT = Path(__file__).parents[3]
FREE = [None, None]
PATIENCE = Patience()


@contextmanager
def service(run_dir: Path, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`freesh gpu-helper`, serving."""
    command = [sys.executable, "-m", "freesh_plugin.main", "gpu-helper", "--run-dir", str(run_dir), *options]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        wait_until(lambda: process.poll() is not None or _answers(run_dir / "gpu.sock"))
        yield process
    finally:
        process.terminate()
        process.wait()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


@contextmanager
def own_helper(
    run_dir: Path, pin: bool = False, sole_tenant: bool = False, patience: Patience = PATIENCE
) -> Iterator[HelperClient]:
    """A client with a helper of its own."""
    clocks = HelperClient(child_helper(run_dir, sole_tenant=sole_tenant), pin, patience)
    try:
        yield clocks
    finally:
        clocks.close()


def leases(run_dir: Path) -> list[str]:
    """GPUs with a lease."""
    return sorted(path.stem for path in run_dir.glob("GPU-*.json"))
