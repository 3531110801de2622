"""Programs that belong together: started one after another, watched, and ended in reverse order, the last one first."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

from freesh_plugin.core.errors import FreeshError

log = logging.getLogger(__name__)

_POLL_S = 0.1
_PR_SET_PDEATHSIG = 1


class ChildError(FreeshError):
    """A program could not be started, or ended by itself."""


@dataclass
class _Child:
    name: str
    process: subprocess.Popen[bytes]
    end_s: float


class Children:
    """Use as a context manager: whatever happens, none of them is left behind."""

    def __init__(self) -> None:
        """None yet."""
        self._children: list[_Child] = []
        self._asked = False
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> "Children":
        """From here on SIGINT and SIGTERM end `watch`."""
        self._handlers = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all, the last one first."""
        for child in reversed(self._children):
            _end(child)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def start(
        self, name: str, command: Sequence[str], env: Mapping[str, str | None] | None = None, end_s: float = 10.0
    ) -> None:
        """Start a program; when it is to end it gets SIGTERM, and `end_s` seconds later SIGKILL.

        It gets a process group of its own, so that Ctrl-C reaches it through us alone and in order; and SIGTERM from
        the kernel when we are killed. A variable that is None in `env` is not passed on.

        Raises:
            ChildError: there is no such program.
        """
        log.debug("start name=%s", name)
        try:
            given = {key: value for key, value in {**os.environ, **(env or {})}.items() if value is not None}
            process = subprocess.Popen(list(command), env=given, process_group=0, preexec_fn=_end_with_parent)
        except OSError as error:
            raise ChildError(f"{name}: {command[0]} cannot be started: {error.strerror}") from error
        self._children.append(_Child(name, process, end_s))

    def check(self) -> None:
        """Look whether all run.

        Raises:
            ChildError: one has ended.
        """
        for child in self._children:
            status = child.process.poll()
            if status is not None:
                raise ChildError(f"{child.name} ended with status {status}; what it said stands above")

    def watch(self, until: Callable[[], bool] = lambda: False) -> bool:
        """Look after them until SIGINT or SIGTERM, or until something is so; returns whether it is.

        Raises:
            ChildError: one has ended.
        """
        while not self._asked:
            self.check()
            if until():
                return True
            time.sleep(_POLL_S)
        return False

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True


def _end_with_parent() -> None:
    """In the child, before the program: have the kernel send SIGTERM when the parent is gone (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _end(child: _Child) -> None:
    if child.process.poll() is not None:
        return
    child.process.terminate()
    try:
        child.process.wait(child.end_s)
    except subprocess.TimeoutExpired:
        log.warning("killed name=%s: it did not end within %.0f s", child.name, child.end_s)
        child.process.kill()
        child.process.wait()
