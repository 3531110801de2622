"""Settings of the scheduler: one default for all loads."""

from dataclasses import dataclass

from freesh_plugin.runtime.policy import Policy


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """How requests are ordered and when they are refused. All from `delay_floor_s` on is for LLF alone.

    Attributes:
        policy: The order.
        waiting_limit: Most requests that may wait; more are refused.
        total_tokens_limit: Most tokens (prompt and answer) that one request may ever need.
        tokens_per_step: Most tokens a request gets in a step (more than one with speculation).
        review_s: While requests wait, nothing is reconsidered within so many seconds unless something happens; sooner
            where a first token is due.
        delay_floor_s: What a request that does not run now is assumed to wait at least.
        delay_per_backlog: How much longer it is assumed to wait for each second of work that waits per place.
        hysteresis: So many times more urgent must a waiting request be than those it preempts.
        late_value: Worth of finishing a request that is late anyway, relative to one in time.
        stall_limit_s: A request that gets no token for so long gets one, if need be ahead of more urgent ones.
        stalled_share: Share of the engine that may go to that.
        fair_memory_s: For so long what a client had of the batch is remembered (time constant).
        fair_power: A request of a client that had x times an equal share counts 1 / x to this power.
    """

    policy: Policy = Policy.LLF
    waiting_limit: int = 100_000
    total_tokens_limit: int | None = None
    tokens_per_step: int = 1
    review_s: float = 0.5
    delay_floor_s: float = 2.0
    delay_per_backlog: float = 3.0
    hysteresis: float = 3.0
    late_value: float = 0.05
    stall_limit_s: float = 18.0
    stalled_share: float = 0.125
    fair_memory_s: float = 60.0
    fair_power: float = 1.0
