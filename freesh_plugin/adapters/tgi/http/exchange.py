"""One request as a handler sees it, and the two kinds of answer that it may give."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from freesh_plugin.adapters.tgi.http.errors import ApiError, Rejection
from freesh_plugin.core.generation import ServiceWish

Headers = list[tuple[bytes, bytes]]
T = TypeVar("T")

JSON: Headers = [(b"content-type", b"application/json")]
TEXT: Headers = [(b"content-type", b"text/plain; charset=utf-8")]
SSE: Headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose body has been read; `arrival_s` is the monotonic second at which its head had arrived."""

    headers: Mapping[bytes, bytes]
    body: bytes
    arrival_s: float
    wish: ServiceWish

    def json(self, kind: type[T]) -> T:
        """The body as a value of `kind`; unknown fields are ignored.

        Raises:
            Rejection: 415 without a JSON content type, 400 for a body that is not JSON, 422 for one of another shape.
        """
        if not _is_json(self.headers.get(b"content-type", b"")):
            raise Rejection(415, "Expected request with `Content-Type: application/json`")
        return decode(self.body, kind)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int = 200
    body: bytes = b""
    headers: Headers = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class EventStream:
    """An answer that comes in events, each already framed; the generator is closed when the client leaves."""

    events: AsyncGenerator[bytes, None]
    headers: Headers = field(default_factory=list)


Handler = Callable[[Call], Awaitable[Reply | EventStream]]


def decode(body: bytes, kind: type[T]) -> T:
    """The JSON text `body` as a value of `kind`.

    Raises:
        Rejection: 400 for what is not JSON, 422 for JSON of another shape, with the path of the fault.
    """
    try:
        return cast(T, _decoder(cast(Hashable, kind)).decode(body))
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        place = f"{path.rstrip('`')}: " if path else ""
        text = f"Failed to deserialize the JSON body into the target type: {place}{reason}"
        raise Rejection(422, text) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejection(400, f"Failed to parse the request body as JSON: {error}") from error
    except RecursionError as error:
        raise Rejection(400, "Failed to parse the request body as JSON: nested too deeply") from error


@cache
def _decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _is_json(content_type: bytes) -> bool:
    kind = content_type.partition(b";")[0].strip().lower()
    return kind == b"application/json" or (kind.startswith(b"application/") and kind.endswith(b"+json"))


def json_reply(value: object, headers: Headers | None = None, status: int = 200) -> Reply:
    """`value` as JSON, with more headers."""
    return Reply(status, _encode(value), JSON + (headers or []))


def error_reply(error: ApiError | Rejection) -> Reply:
    """The answer to a request that failed."""
    if isinstance(error, ApiError):
        return json_reply(error.body, status=error.status)
    return Reply(error.status, error.text.encode(), (TEXT if error.text else []) + list(error.headers))


def event(value: object) -> bytes:
    """`value` as one server-sent event."""
    return b"data: " + _encode(value) + b"\n\n"


DONE = b"data: [DONE]\n\n"
"""Last event of OpenAI's streams."""
