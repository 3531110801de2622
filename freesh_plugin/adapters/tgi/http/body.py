"""Reads the body of a request, bounded in size and time."""

import asyncio
from collections.abc import Mapping

from starlette.types import Message, Receive

from freesh_plugin.adapters.tgi.http.errors import Rejection

BODY_TIMEOUT_S = 60.0
"""Time for a body to arrive; a slower one gets 408."""


class ClientGone(Exception):
    """The client left; nobody is there to be answered."""


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, limit_bytes: int) -> bytes:
    """The whole body.

    Raises:
        Rejection: 413 for one that is too large, before it is read where its length is told; 408 for one too slow.
        ClientGone: the client left before its end.
    """
    declared = headers.get(b"content-length", b"0")
    if len(declared) > 20 or not declared.isdigit() or int(declared) > limit_bytes:
        raise _too_large()
    until_s = asyncio.get_running_loop().time() + BODY_TIMEOUT_S
    message = await _next(receive, until_s)
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    return await _rest(bytearray(body), receive, limit_bytes, until_s)


async def _rest(body: bytearray, receive: Receive, limit_bytes: int, until_s: float) -> bytes:
    more = True
    while more:
        message = await _next(receive, until_s)
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit_bytes:
            raise _too_large()
    return bytes(body)


async def _next(receive: Receive, until_s: float) -> Message:
    try:
        async with asyncio.timeout_at(until_s):
            message = await receive()
    except TimeoutError as error:
        raise Rejection(408, "Failed to buffer the request body: it came too slowly") from error
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message


def _too_large() -> Rejection:
    return Rejection(413, "Failed to buffer the request body: length limit exceeded")
