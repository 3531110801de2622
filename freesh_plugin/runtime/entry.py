"""A request in the scheduler's hands: where it is, how far it has come, what is still expected of it."""

from enum import Enum
from math import inf

from freesh_plugin.core.length_model import expected_tokens, next_checkpoint
from freesh_plugin.runtime.job import Job


class Place(Enum):
    """Where a request is."""

    WAITING = "waiting"
    """Never in a batch yet."""
    RUNNING = "running"
    PARKED = "parked"
    """Preempted: it waits to be resumed."""


class Entry:
    """Mutable state of one request.

    Attributes:
        job: What was known at its arrival.
        place: Where it is.
        pinned: Whether the engine cannot cut it right now.
        generated: Tokens of its answer so far.
        expected: Expected tokens of its whole answer, as of the last checkpoint.
        checkpoint: Tokens at which that is refined next.
        waits_since_s: When it was last without progress: its arrival, or when it was parked.
        key: Its place in the order of those waiting; smaller is sooner.
    """

    __slots__ = ("checkpoint", "expected", "generated", "job", "key", "pinned", "place", "waits_since_s")

    def __init__(self, job: Job) -> None:
        self.job = job
        self.place = Place.WAITING
        self.pinned = False
        self.generated = 0
        self.expected = expected_tokens(job.answer, 0, job.max_new_tokens)
        self.checkpoint = next_checkpoint(0)
        self.waits_since_s = job.arrival_s
        self.key = inf

    @property
    def remaining_tokens(self) -> float:
        """Tokens still expected, at least one."""
        left = self.expected - self.generated
        return left if left > 1.0 else 1.0

    @property
    def can_be_preempted(self) -> bool:
        """Whether it may leave the batch now."""
        return self.job.preemptible and not self.pinned

    def refine(self) -> None:
        """Expect anew, now that it has reached a checkpoint."""
        self.expected = expected_tokens(self.job.answer, self.generated, self.job.max_new_tokens)
        self.checkpoint = next_checkpoint(self.generated)
