"""What an owner of clocks and the helper process say to each other: length-prefixed JSON on a stream socket."""

import re
from collections.abc import Iterator
from struct import Struct as Layout
from typing import Annotated

import msgspec

from freesh_plugin.core.errors import FreeshError
from freesh_plugin.core.gpu import GpuFailure

MAX_FRAME_BYTES = 65_536
MAX_GPUS = 64

_LENGTH = Layout("<I")
_UUID = re.compile(r"GPU-[0-9A-Fa-f-]{8,64}")

Uuid = Annotated[str, msgspec.Meta(pattern=rf"^{_UUID.pattern}\Z")]
"""A GPU's UUID; it is also the name of a file, so nothing else is let through."""

Uuids = Annotated[tuple[Uuid, ...], msgspec.Meta(min_length=1, max_length=MAX_GPUS)]


class HelperFrameError(FreeshError):
    """The other side sent what cannot be read."""


class Limit(msgspec.Struct, frozen=True, tag="limit", forbid_unknown_fields=True):
    """Hold these GPUs' SM clocks at or below a supported clock, or with `pin` exactly at it: all, or none."""

    uuids: Uuids
    sm_clock_mhz: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    pin: bool = False


class Release(msgspec.Struct, frozen=True, tag="release", forbid_unknown_fields=True):
    """Give these GPUs' clocks back to the driver."""

    uuids: Uuids


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The helper's first word to an owner."""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """What was asked for is so."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """It is not: which GPU (or `*`, all), how and why."""

    uuid: str
    failure: GpuFailure
    reason: str


Request = Limit | Release
Reply = Ready | Done | Failed

_encoder = msgspec.json.Encoder()
_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_replies: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)


def is_uuid(text: str) -> bool:
    """Whether this could be a GPU's UUID."""
    return _UUID.fullmatch(text) is not None


def frame(message: Request | Reply) -> bytes:
    """A message as it goes over the wire."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def as_request(body: bytes) -> Request:
    """Read what an owner asks.

    Raises:
        HelperFrameError: it asks for nothing known.
    """
    try:
        return _requests.decode(body)
    except msgspec.DecodeError as error:
        raise HelperFrameError(str(error)) from error


def as_reply(body: bytes) -> Reply:
    """Read what the helper answers.

    Raises:
        HelperFrameError: it is no answer.
    """
    try:
        return _replies.decode(body)
    except msgspec.DecodeError as error:
        raise HelperFrameError(str(error)) from error


class FrameBuffer:
    """Cuts a stream into the bodies of frames."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bodies that are whole now.

        Raises:
            HelperFrameError: a frame is announced that is larger than any can be.
        """
        self._pending += data
        while len(self._pending) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._pending)
            if length > MAX_FRAME_BYTES:
                raise HelperFrameError(f"a frame of {length} bytes, limit {MAX_FRAME_BYTES} bytes")
            end = _LENGTH.size + length
            if len(self._pending) < end:
                return
            body = bytes(self._pending[_LENGTH.size : end])
            del self._pending[:end]
            yield body
