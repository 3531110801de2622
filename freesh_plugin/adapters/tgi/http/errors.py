"""What clients are told when something fails: TGI's statuses, sentences and error types."""

import msgspec

from freesh_plugin.core.errors import FreeshError
from freesh_plugin.core.generation import FailureEvent, FailureKind


class ErrorResponse(msgspec.Struct, frozen=True):
    """Body of every error that is JSON."""

    error: str
    error_type: str


class ApiError(FreeshError):
    """A request that fails with a JSON body; in a stream it becomes an event."""

    def __init__(self, status: int, error: str, error_type: str, metric: str | None = None) -> None:
        """Name the failure; `metric` is its label in `tgi_request_failure`, the error type unless given."""
        super().__init__(error)
        self.status = status
        self.body = ErrorResponse(error, error_type)
        self.metric = error_type if metric is None else metric


class Rejection(FreeshError):
    """A request that is refused before it is understood, with a plain sentence as its body."""

    def __init__(self, status: int, text: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        """Answer with `text`."""
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers


def invalid(reason: str) -> ApiError:
    """A request whose values do not fit."""
    return ApiError(422, f"Input validation error: {reason}", "validation")


def overloaded() -> ApiError:
    """One request too many."""
    return ApiError(429, "Model is overloaded", "overloaded")


def generation_failed(reason: str) -> ApiError:
    """The shards failed."""
    return ApiError(424, f"Request failed during generation: {reason}", "generation")


def incomplete(streaming: bool = False) -> ApiError:
    """An answer that ended without its last token."""
    if streaming:
        return ApiError(500, "Incomplete generation stream", "incomplete_generation_stream", "incomplete")
    return ApiError(500, "Incomplete generation", "incomplete_generation", "incomplete")


def from_failure(failure: FailureEvent, streaming: bool = False) -> ApiError:
    """What the client of a request that the engine gave up is told."""
    match failure.kind:
        case FailureKind.VALIDATION:
            return invalid(failure.message)
        case FailureKind.OVERLOADED:
            return overloaded()
        case FailureKind.INCOMPLETE:
            return incomplete(streaming)
        case FailureKind.GENERATION:
            return generation_failed(failure.message)
