"""Errors inside OpenAI's streams: an event, since the status has been sent long before."""

import msgspec

from freesh_plugin.adapters.tgi.http.errors import ApiError

_STREAM_STATUS = 422
"""What TGI writes into every error of a stream, whatever it is; the types beside it tell them apart."""


class StreamFault(msgspec.Struct, frozen=True):
    """What went wrong, `type` in OpenAI's place for it."""

    message: str
    http_status_code: int
    type: str


class StreamErrorEvent(msgspec.Struct, frozen=True):
    """An event in place of the rest of an answer; `error_type` is where TGI's clients look for it."""

    error: StreamFault
    error_type: str

    @classmethod
    def of(cls, error: ApiError) -> "StreamErrorEvent":
        """The event that tells of this error."""
        kind = error.body.error_type
        return cls(StreamFault(error.body.error, _STREAM_STATUS, kind), kind)
