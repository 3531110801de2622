"""What goes wrong between the router and a shard, with the rank and the call."""

from enum import StrEnum

from freesh_plugin.core.errors import FreeshError


class ShardFailure(StrEnum):
    """How a call failed."""

    REFUSED = "refused"
    """The shard answered with an error; the batches that the call named are gone, the shard itself may live on."""
    TIMED_OUT = "timed out"
    """No answer within the call's time: the rank hangs."""
    GONE = "gone"
    """Nobody listens on its socket (any longer)."""
    DISAGREED = "disagreed"
    """The ranks answered differently: their states have come apart."""


class ShardError(FreeshError):
    """A call that one rank did not answer as it should.

    Attributes:
        rank: Which one, from 0.
        call: The call's name.
        failure: How it failed.
        reason: In the shard's words where it spoke.
    """

    def __init__(self, rank: int, call: str, failure: ShardFailure, reason: str) -> None:
        super().__init__(f"rank {rank}: {call} {failure}: {reason}")
        self.rank = rank
        self.call = call
        self.failure = failure
        self.reason = reason
