"""Settings of the scheduler: one default for all loads."""

from dataclasses import dataclass

from freesh_plugin.runtime.policy import Policy


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """How requests are ordered and when they are refused.

    Attributes:
        policy: The order.
        waiting_limit: Most requests that may wait; more are refused.
        total_tokens_limit: Most tokens (prompt and answer) that one request may ever need.
        tokens_per_step: Most tokens a request gets in a step (more than one with speculation).
        hysteresis_s: LLF: a waiting request must be more urgent by so many seconds to preempt a running one.
        review_s: Nothing is reconsidered within so many seconds unless something happens.
    """

    policy: Policy = Policy.LLF
    waiting_limit: int = 100_000
    total_tokens_limit: int | None = None
    tokens_per_step: int = 1
    hysteresis_s: float = 2.0
    review_s: float = 0.5
