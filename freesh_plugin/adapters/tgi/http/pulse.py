"""Keep-alive comments on streams in which nothing happens."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Send

INTERVAL_S = 15.0
"""TGI's: a comment after so many seconds without an event."""

_COMMENT = b":\n\n"


class Pulse:
    """Writes a comment whenever an open stream has been silent for a while."""

    def __init__(self, send: Send) -> None:
        """Write by `send`."""
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._felt = False
        self._writing: asyncio.Task[None] | None = None

    def felt(self) -> None:
        """An event is being written."""
        self._felt = True

    def __enter__(self) -> Self:
        self._timer = self._loop.call_later(INTERVAL_S, self._beat)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._writing is not None:
            self._writing.cancel()

    def _beat(self) -> None:
        # A flag instead of a time, so that an event costs one assignment: silence of one to two intervals is seen.
        if not self._felt and (self._writing is None or self._writing.done()):
            self._writing = self._loop.create_task(self._comment())
        self._felt = False
        self._timer = self._loop.call_later(INTERVAL_S, self._beat)

    async def _comment(self) -> None:
        await self._send({"type": "http.response.body", "body": _COMMENT, "more_body": True})
