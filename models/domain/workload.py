"""Requests as users send them: when, how long, from whom and where; read from traces or made from a seed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from freesh_plugin.core.lengths import AnswerLength
from models.domain.scenario import ANY_ORIGIN, DEFAULT

PREFIX_BLOCK_TOKENS = 512
"""Tokens of a block of a prompt that may be the same in several requests (Mooncake's trace has blocks of 512)."""


@dataclass(frozen=True, slots=True)
class WorkloadRequest:
    """One request of a workload.

    Attributes:
        arrival_s: Seconds after the start of the workload.
        prompt_tokens: Length of the prompt, at least 1.
        answer_tokens: True length of the answer, at least 1; nobody knows it before it ends.
        max_new_tokens: Most tokens that the answer may have.
        estimate: Length that was predicted for the answer.
        origin: Where it comes from, for round trips and residency.
        client: Whose it is, for fairness.
        session: Requests of one session (above 0) begin alike and are best served by one instance; 0 = none.
        prefix: Names of the leading `PREFIX_BLOCK_TOKENS`-token blocks of its prompt that others may share.
        tier: Its service tier.
        model: The LLM that it asks for.
    """

    arrival_s: float
    prompt_tokens: int
    answer_tokens: int
    max_new_tokens: int
    estimate: AnswerLength
    origin: str = ANY_ORIGIN
    client: int = 0
    session: int = 0
    prefix: tuple[int, ...] = ()
    tier: str = DEFAULT
    model: str = DEFAULT


@dataclass(frozen=True)
class Workload:
    """Requests by arrival, made or read anew each time they are asked for, so that a million need no memory.

    Attributes:
        name: What it is, in a few words.
        source: Where it comes from, with licence; "synthetic" where it is made.
        duration_s: Its length, seconds.
        requests: Gives its requests, by arrival.
        scaling: How its rate was brought to what is asked, in a phrase; empty = it is as it was recorded.
        dispersion_before, dispersion_after: Index of dispersion of the arrivals at 1 s (variance over mean of the
            counts; 1 = Poisson) as recorded and as scaled; None where not known.
        length_error: sigma of the lognormal error of the predicted lengths; None = predictions are of another kind.
    """

    name: str
    source: str
    duration_s: float
    requests: Callable[[], Iterator[WorkloadRequest]]
    scaling: str = ""
    dispersion_before: float | None = None
    dispersion_after: float | None = None
    length_error: float | None = None
