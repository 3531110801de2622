"""Errors inside OpenAI's streams: an event, since the status has been sent long before."""

import msgspec

from freesh_plugin.adapters.tgi.http.errors import ApiError

_STREAM_STATUS = 422
"""What TGI writes into every error of a stream, whatever it is; `type` tells them apart."""


class StreamFault(msgspec.Struct, frozen=True):
    """What went wrong."""

    message: str
    http_status_code: int
    type: str


class StreamErrorEvent(msgspec.Struct, frozen=True):
    """An event in place of the rest of an answer."""

    error: StreamFault

    @classmethod
    def of(cls, error: ApiError) -> "StreamErrorEvent":
        """The event that tells of this error."""
        return cls(StreamFault(error.body.error, _STREAM_STATUS, error.body.error_type))
