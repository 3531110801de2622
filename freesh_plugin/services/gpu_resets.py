"""Gives GPUs' clocks back to the driver, each from a process of its own: one that hangs holds up no other."""

import subprocess
import sys
import time
from collections.abc import Iterable

from freesh_plugin.core.gpu import GpuDriverError

FREE, NOT_FREE, NO_DRIVER = 0, 1, 2
"""Exit statuses of such a process; with the latter two it says why."""

_RESET_S = 15.0
"""Longer than the deadlines of all calls that one process makes."""

_COMMAND = [sys.executable, "-m", "freesh_plugin.services.gpu_reset"]


def reset_each(uuids: Iterable[str], deadline_s: float = _RESET_S) -> dict[str, str | None]:
    """Free these GPUs' clocks, all at once; by UUID, why one could not be freed.

    Raises:
        GpuDriverError: there is no driver that works.
    """
    processes = {uuid: _started(uuid) for uuid in uuids}
    end_s = time.monotonic() + deadline_s
    ended = {uuid: _ended(process, end_s) for uuid, process in processes.items()}
    if ended and all(status == NO_DRIVER for status, _ in ended.values()):
        raise GpuDriverError(next(iter(ended.values()))[1])
    return {uuid: None if status == FREE else reason for uuid, (status, reason) in ended.items()}


def _started(uuid: str) -> "subprocess.Popen[str] | OSError":
    silent = subprocess.DEVNULL
    try:
        return subprocess.Popen([*_COMMAND, uuid], stdin=silent, stdout=subprocess.PIPE, stderr=silent, text=True)
    except OSError as error:
        return error


def _ended(process: "subprocess.Popen[str] | OSError", end_s: float) -> tuple[int, str]:
    if isinstance(process, OSError):
        return NOT_FREE, f"no process for it: {process.strerror}"
    try:
        said, _ = process.communicate(timeout=max(end_s - time.monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        process.kill()  # and not waited for: in the kernel, it may hang for ever
        return NOT_FREE, "timed out: the process that frees it does not end"
    return process.returncode, said or f"the process that frees it ended with status {process.returncode}"
