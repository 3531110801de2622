"""What the scheduler decides at one step, and within which limits."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class StepLimits:
    """Limits of the next step; memory is the scheduler's `Memory`.

    Attributes:
        batch: Most requests in the running batch.
        prefill_tokens: Most prompt tokens computed in this step.
        chunked: Whether the last prompt may be computed in part (chunked prefill).
    """

    batch: int
    prefill_tokens: int
    chunked: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is refused, with the reason in a sentence."""

    request_id: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class StepDecision:
    """What happens before the next forward pass, carried out in the order of the fields; ids of requests.

    Attributes:
        refuse: Never to be served.
        preempt: Running requests that leave the batch and are parked.
        drop: Parked requests, some of them parked just now, that give up their kept state (they will recompute).
        resume: Requests that ran before and join the batch again.
        admit: Requests that join the batch for the first time.
        keep: Running requests that stay.
        holds_for_steps: For so many further steps the same decision (nothing joins or leaves) would be made, unless a
            request arrives or leaves, or the clock changes.
        holds_until_s: The same, as a monotonic time.
    """

    refuse: tuple[Refusal, ...] = ()
    preempt: tuple[int, ...] = ()
    drop: tuple[int, ...] = ()
    resume: tuple[int, ...] = ()
    admit: tuple[int, ...] = ()
    keep: tuple[int, ...] = ()
    holds_for_steps: int = 0
    holds_until_s: float = -inf

    @property
    def changes(self) -> bool:
        """Whether anything joins, leaves or is dropped."""
        return bool(self.refuse or self.drop or self.preempt or self.resume or self.admit)
