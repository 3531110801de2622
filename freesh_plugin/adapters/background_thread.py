"""A thread for calls that may hang, awaited from an event loop."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundThread:
    """Runs calls one after another. It is a daemon: one that hangs for ever does not keep the process from ending."""

    def __init__(self, name: str) -> None:
        """Start the thread."""
        self._calls: SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]]] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    async def run(self, work: Callable[[], T], deadline_s: float) -> T:
        """What `work` returns or raises.

        Raises:
            TimeoutError: it has not ended, or not even begun, within `deadline_s`; what comes of it is lost.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._calls.put((future, work))
        # Before Python 3.12, `wait_for` loses a cancellation that comes just after the result.
        async with asyncio.timeout(deadline_s):
            return await future

    def _run(self) -> None:
        while True:
            future, work = self._calls.get()
            try:
                outcome = _settled(future.set_result, work())
            except Exception as error:  # noqa: BLE001  # handed to whoever waits
                outcome = _settled(future.set_exception, error)
            with suppress(RuntimeError):  # the loop has ended, and nobody waits
                future.get_loop().call_soon_threadsafe(outcome, future)


def _settled(settle: Callable[[Any], None], outcome: object) -> Callable[["asyncio.Future[Any]"], None]:
    return lambda future: None if future.done() else settle(outcome)
