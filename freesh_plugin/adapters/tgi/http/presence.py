"""Ends the work for a client as soon as the client has left."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Receive


class Presence:
    """While watched, the task that entered is cancelled when its client leaves; leaving the block hides that."""

    def __init__(self, receive: Receive) -> None:
        """Learn of a client that left from `receive`."""
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self.gone = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        return self

    def watch(self) -> None:
        """Start: the body has been read, so whatever comes now is the client's leaving."""
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    def dismiss(self) -> None:
        """Stop: the answer is there, and all of it will be written."""
        if self._watcher is not None:
            self._watcher.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.dismiss()
        if not (self.gone and kind is asyncio.CancelledError and self._task is not None):
            return False
        return self._task.uncancel() == 0

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        if self._task is not None:
            self._task.cancel()
