"""One thread for calls that may hang: whoever asks gets an answer, or an error at the deadline."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from queue import SimpleQueue
from typing import Any, TypeVar

from freesh_plugin.core.gpu import GpuError, GpuFailure

T = TypeVar("T")


class DeadlineThread:
    """Runs calls one after another. A call that hangs blocks those behind it, never those who asked.

    The thread is a daemon: one that hangs for ever does not keep the process from ending.
    """

    def __init__(self, name: str) -> None:
        """Start the thread."""
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._overdue: Future[Any] | None = None
        threading.Thread(target=self._run, name=name, daemon=True).start()

    @property
    def hung(self) -> bool:
        """Whether a call that was given up runs still."""
        return self._overdue is not None and not self._overdue.done()

    def call(self, uuid: str, work: Callable[[], T], deadline_s: float) -> T:
        """What `work` returns or raises, within `deadline_s` seconds.

        Raises:
            GpuError: TIMED_OUT: it runs on and what comes of it is lost; or it did not begin, and never will.
        """
        future: Future[T] = Future()
        self._calls.put((future, work))
        try:
            return future.result(0 if self.hung else deadline_s)
        except (TimeoutError, CancelledError) as error:
            if future.done() and not future.cancelled():
                return future.result()  # it was `work` that raised, or it ended in this very moment
            if not future.cancel():
                self._overdue = future
            reason = f"no answer within {deadline_s:g} s" if self._overdue is future else "a call before it hangs"
            raise GpuError(uuid, GpuFailure.TIMED_OUT, reason) from error

    def close(self) -> None:
        """Let the thread end after what it does now."""
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            future, work = call
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001  # handed to whoever asked
                future.set_exception(error)
