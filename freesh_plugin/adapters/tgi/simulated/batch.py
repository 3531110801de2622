"""Requests that a simulated shard computes together."""

from collections.abc import Sequence
from dataclasses import dataclass

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.simulated.leg import Leg
from freesh_plugin.adapters.tgi.simulated.refusal import Refusal


@dataclass(slots=True)
class Batch:
    """A batch as it is cached between two calls."""

    id: int
    legs: list[Leg]
    max_tokens: int

    @property
    def prefilling(self) -> bool:
        """Whether the next pass computes prompt tokens."""
        return any(leg.prefilling for leg in self.legs)

    def joined(self, others: Sequence["Batch"]) -> "Batch":
        """This batch with the requests of others at its end.

        Raises:
            Refusal: a request is in it twice.
        """
        legs = [*self.legs, *(leg for other in others for leg in other.legs)]
        if len({leg.request.id for leg in legs}) < len(legs):
            raise Refusal(f"batch {self.id}: a request is in it twice")
        return Batch(self.id, legs, self.max_tokens + sum(other.max_tokens for other in others))

    def split(self, keep_ids: Sequence[int]) -> tuple[list[Leg], list[Leg]]:
        """Requests to keep and the others.

        Raises:
            Refusal: none is to stay, one is unknown, or they are not in the batch's order.
        """
        if not keep_ids:
            raise Refusal(f"batch {self.id}: at least one request must stay")
        keep = set(keep_ids)
        kept = [leg for leg in self.legs if leg.request.id in keep]
        # Out of order, the flash models of TGI would take one request's slots for another's.
        if [leg.request.id for leg in kept] != list(keep_ids):
            raise Refusal(f"batch {self.id}: {list(keep_ids)} are not some of its requests in its order")
        return kept, [leg for leg in self.legs if leg.request.id not in keep]

    def described(self) -> messages.CachedBatch:
        """What the router is told of it."""
        return messages.CachedBatch(
            id=self.id,
            request_ids=[leg.request.id for leg in self.legs],
            size=len(self.legs),
            max_tokens=self.max_tokens,
            current_tokens=sum(leg.chunk for leg in self.legs),
        )
