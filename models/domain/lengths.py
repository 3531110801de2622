"""Lengths of requests as a joint sample of prompt and answer: what a class's capacity is derived from."""

from dataclasses import dataclass

from models.domain.scenario import DEFAULT


@dataclass(frozen=True)
class RequestLength:
    """Requests of one prompt and answer length, in tokens; `weight` is their share or count, in any unit."""

    prompt_tokens: float
    answer_tokens: float
    weight: float = 1.0
    model: str = DEFAULT
