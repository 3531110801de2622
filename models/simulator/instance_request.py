"""One request at a simulated instance: how far it has come, and how long its user waited for tokens."""

from models.simulator.instance_types import Arrival, Outcome


class PassCount:
    """How many forward passes an instance has made; in each, every request that decodes gets a token."""

    __slots__ = ("passes",)

    def __init__(self) -> None:
        """None yet."""
        self.passes = 0


class InstanceRequest:
    """State of a request between its arrival and its end.

    While it decodes nothing here changes from pass to pass: its tokens are counted by the passes since.

    Attributes:
        arrival: As it came.
        request_id, prompt_tokens: Its own.
        answer_tokens: Tokens after which it ends.
        legs: Stays in the batch so far.
        leg_began_at: Tokens of the answer when the present leg began.
        leg_tokens: Tokens of prompt and answer then: those that must be in memory before the leg's first token.
        computed: Of these, tokens that are; the rest is computed in the next passes.
        chunk: How many of them in the next one.
        place: Number of its present stay among all stays in the batch; -1 outside.
        checkpoint: Tokens at which the scheduler expects its length anew.
        decodes: Whether it gets a token in each pass.
        base: Count of passes, while it decodes, at which it would have had no token yet.
        began_pass: Count of passes at the leg's first token.
        first_token_s, last_token_s: When its first and newest token came; the newest as of the end of a leg.
        tbt_worst_s: Longest time between two of its tokens, up to the end of its last leg.
        preemptions: How often it was preempted.
        cached_tokens: Tokens of its prompt that were in memory when it began.
    """

    __slots__ = (
        "_count",
        "_generated",
        "answer_tokens",
        "arrival",
        "base",
        "began_pass",
        "cached_tokens",
        "checkpoint",
        "chunk",
        "computed",
        "decodes",
        "first_token_s",
        "last_token_s",
        "leg_began_at",
        "leg_tokens",
        "legs",
        "place",
        "preemptions",
        "prompt_tokens",
        "request_id",
        "tbt_worst_s",
    )  # fmt: skip

    def __init__(self, arrival: Arrival, count: PassCount, checkpoint: float) -> None:
        """It has just come."""
        request = arrival.request
        self.arrival = arrival
        self.request_id = arrival.request_id
        self.prompt_tokens = request.prompt_tokens
        self.answer_tokens = min(request.answer_tokens, request.max_new_tokens)
        self.checkpoint = checkpoint
        self.legs = self.leg_began_at = self.leg_tokens = self.computed = self.chunk = 0
        self.place = -1
        self.began_pass = 0
        self.first_token_s: float | None = None
        self.last_token_s = 0.0
        self.tbt_worst_s = 0.0
        self.preemptions = self.cached_tokens = 0
        self._count = count
        self._generated = 0
        self.base = 0
        self.decodes = False

    @property
    def generated(self) -> int:
        """Tokens of its answer so far."""
        return self._count.passes - self.base if self.decodes else self._generated

    @property
    def tokens(self) -> int:
        """Tokens of prompt and answer so far."""
        return self.prompt_tokens + (self._count.passes - self.base if self.decodes else self._generated)

    @property
    def remaining(self) -> int:
        """Tokens that it may still get, as far as anybody knows."""
        return self.arrival.request.max_new_tokens - self.generated

    @property
    def in_new_leg(self) -> bool:
        """Whether it has no token yet of the leg that it is in, or was in last."""
        return self.generated == self.leg_began_at

    @property
    def tokens_left(self) -> float:
        """Tokens to compute before its next one, as if nothing were cached, and tokens that are expected yet."""
        request = self.arrival.request
        unread = self.leg_tokens - self.computed if self.legs else self.prompt_tokens
        return unread + max(min(request.estimate.q50, request.max_new_tokens) - self.generated, 1.0)

    def begin_leg(self, place: int, computed: int, chunk: int) -> None:
        """It joins the batch; so many of its tokens are in memory, so many more are computed in the next pass."""
        if not self.legs:
            self.cached_tokens = computed
        self.legs += 1
        self.place = place
        self.leg_began_at, self.leg_tokens = self._generated, self.tokens
        self.computed, self.chunk = computed, chunk

    def first_of_leg(self, now_s: float) -> None:
        """The leg's first token came with the newest pass."""
        if self.first_token_s is None:
            self.first_token_s = now_s
        else:
            self.tbt_worst_s = max(self.tbt_worst_s, now_s - self.last_token_s)
        self.began_pass = self._count.passes
        self.base = self._count.passes - self._generated - 1
        self.decodes = True

    def end_leg(self, now_s: float, slowest_pass_s: float) -> None:
        """It leaves the batch; the slowest pass since the leg's first token took so long."""
        self._generated, self.decodes = self.generated, False
        self.place = -1
        self.last_token_s = now_s
        self.tbt_worst_s = max(self.tbt_worst_s, slowest_pass_s)

    def outcome(self, now_s: float) -> Outcome:
        """How it ended, now, with its last token."""
        first_token_s = now_s if self.first_token_s is None else self.first_token_s
        return Outcome(
            self.arrival, first_token_s, now_s, max(first_token_s - self.arrival.at_s, self.tbt_worst_s),
            self.tbt_worst_s, self.preemptions, self.cached_tokens,
        )  # fmt: skip
