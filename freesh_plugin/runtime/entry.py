"""A request in the scheduler's hands: where it is, how far it has come, what is still expected of it."""

from enum import Enum
from math import inf

from freesh_plugin.core.length_model import LengthModel, next_checkpoint
from freesh_plugin.runtime.job import Job


class Place(Enum):
    """Where a request is."""

    WAITING = "waiting"
    """Never in a batch yet."""
    RUNNING = "running"
    PARKED = "parked"
    """It ran before and waits to be resumed."""


class Entry:
    """Mutable state of one request.

    Attributes:
        job: What was known at its arrival.
        request_id: The job's.
        length: Distribution of its answer's length.
        place: Where it is.
        pinned: Whether the engine cannot cut it right now.
        generated: Tokens of its answer so far.
        expected: Expected tokens of its whole answer, as of the last checkpoint.
        checkpoint: Tokens at which that is refined next.
        protected_until: Tokens before which it is not preempted: it was rescued to get one.
        rescued: Whether it joined only because it had stalled for too long.
        since_s: Since when it has been where it is; for a waiting one, its arrival.
        waited_s: Seconds that it waited before that.
        service_s: Predicted seconds to its end if it runs on, when last appraised.
        work_s: The same in place-seconds, what it holds others up included.
        start_tokens: Prompt tokens to compute before its next token; for a running one, were it parked and resumed.
        start_s: Predicted seconds that these take.
        tbt_s: Predicted seconds a token.
        charged: Tokens that its client was charged for.
        key: Its place in the order, when last appraised; smaller is sooner.
        claim: What it has to say against running requests, when last appraised; smaller is more.
        appraised_s: When that was.
    """

    __slots__ = (
        "appraised_s", "charged", "checkpoint", "claim", "expected", "generated", "job", "key", "length", "pinned",
        "place", "protected_until", "request_id", "rescued", "service_s", "since_s", "start_s", "start_tokens", "tbt_s",
        "waited_s", "work_s",
    )  # fmt: skip

    def __init__(self, job: Job) -> None:
        self.job = job
        self.request_id = job.request_id
        self.length = LengthModel(job.answer, job.max_new_tokens)
        self.place = Place.WAITING
        self.pinned = False
        self.generated = 0
        self.protected_until = 0
        self.rescued = False
        self.since_s = job.arrival_s
        self.waited_s = 0.0
        self.charged = 0
        self.tbt_s = 0.0
        self.start_tokens = 0
        self.start_s = 0.0
        self.service_s = 0.0
        self.work_s = 0.0
        self.key = self.claim = inf
        self.appraised_s = -inf
        self.refine()

    @property
    def remaining_tokens(self) -> float:
        """Tokens still expected, at least one."""
        left = self.expected - self.generated
        return left if left > 1.0 else 1.0

    @property
    def can_be_preempted(self) -> bool:
        """Whether it may leave the batch now."""
        return not self.pinned and self.job.preemptible and self.generated >= self.protected_until

    @property
    def awaits_promised_first(self) -> bool:
        """Whether it has no token yet and the time of its first was promised."""
        return self.job.first_due_s is not None and not self.generated

    def waited_by(self, now_s: float) -> float:
        """Seconds that it has waited in all."""
        return self.waited_s if self.place is Place.RUNNING else self.waited_s + (now_s - self.since_s)

    def refine(self) -> None:
        """Expect anew, now that it has reached a checkpoint."""
        self.expected = self.length.expected(self.generated)
        self.checkpoint = next_checkpoint(self.generated)

    def join(self, now_s: float) -> None:
        """It joins the batch; one that was rescued is looked at again when it has a token."""
        self.waited_s = self.waited_by(now_s)
        self.place = Place.RUNNING
        self.since_s = now_s
        if self.rescued:
            self.protected_until = self.checkpoint = self.generated + 1

    def park(self, now_s: float) -> None:
        """It leaves the batch, to be resumed."""
        self.place = Place.PARKED
        self.since_s = now_s
