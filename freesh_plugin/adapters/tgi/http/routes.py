"""What a module of routes hands to the application: paths, handlers and what the documentation says of them."""

from dataclasses import dataclass, field
from typing import Any

from freesh_plugin.adapters.tgi.http.exchange import Handler


@dataclass(frozen=True)
class Operation:
    """What OpenAPI says of one route. Types are msgspec's; errors are described by their status."""

    summary: str
    request: Any = None
    response: Any = None
    """Type of a JSON answer; None for an empty one, `str` for text."""
    events: Any = None
    """Type of one event, where the answer can be a stream."""
    errors: dict[int, str] = field(default_factory=dict)
    also: tuple[type, ...] = ()
    """Further types that a schema refers to by name."""
    tag: str = "Text Generation Inference"


GENERATION_ERRORS = {
    422: "Input validation error",
    424: "Generation error",
    429: "Model is overloaded",
    500: "Incomplete generation",
}
"""Failures of every route that generates."""


@dataclass(frozen=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    handler: Handler
    operation: Operation
    secured: bool = False
    """Whether it asks for the API key, when there is one."""
