"""Where a request goes: to a location by the plan's weights, there to the instance with least to do."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, TypeVar

from freesh_plugin.runtime.turns import Turns, unit_hash

PROMPT_TOKENS_PER_TOKEN = 8.0
"""So many prompt tokens are as much work as one of the answer.

A prompt token is computed in 1/13 ms; a pass of 20 ms gives some 32 requests a token each (`core.step_model`).
"""
REQUEST_TOKENS = 300.0
"""So many tokens of answers each request counts for itself, whatever its length.

Requests of a batch share its passes, and the number of them is what slows it and fills its places: by predicted work
alone, instances that have the long ones are sent too few. With this constant nearly as many keep their TTFT as where
requests alone are counted (`bench/pool_allowance.py`), and much longer ones still count for more.
"""
CLEARLY_MORE = 1.5
"""A session leaves its instance for one whose work is less than this one's by so much, and by two such requests."""
_OWN_REQUESTS = 2.0


class Backend(Protocol):
    """An instance, as the balancer sees it."""

    @property
    def work(self) -> float:
        """Work of the requests that were sent to it and have not ended, in tokens of answers (`work_of`)."""
        ...

    @property
    def capacity_rps(self) -> float:
        """What it serves, req/s, above 0; of instances of several modes those with more get more."""
        ...

    @property
    def home_key(self) -> int:
        """A number that stays the same as long as it runs; sessions are spread by it."""
        ...


Served = TypeVar("Served", bound=Backend)

Stream = tuple[str, str, str]
"""Model, class and origin of requests."""


def work_of(prompt_tokens: int, predicted_tokens: float) -> float:
    """Work of a request, in tokens of answers: its own, its prompt's, and what it takes of the batch."""
    return REQUEST_TOKENS + predicted_tokens + prompt_tokens / PROMPT_TOKENS_PER_TOKEN


class Balancer:
    """Chooses locations by weights and instances by work. Nothing here reads a clock or draws at random.

    Args:
        residency: Of each location the origins that it may serve, None = all.
    """

    def __init__(self, residency: Mapping[str, Collection[str] | None]) -> None:
        self._residency = {name: None if of is None else frozenset(of) for name, of in residency.items()}
        self._turns: dict[Stream, Turns] = {}
        self._weights: dict[Stream, dict[str, float]] = {}

    def allows(self, location: str, origin: str) -> bool:
        """Whether requests of this origin may be served there; a location that is not known serves nobody."""
        of = self._residency.get(location, frozenset())
        return of is None or origin in of

    def location(
        self, stream: Stream, weights: Mapping[str, float], ready: Collection[str], session: int = 0
    ) -> str | None:
        """Where a request goes by the weights of its stream, among the locations that are ready for it.

        Residency comes first: a location that does not allow the origin is not chosen, whatever its weight. When
        the weights or those that are ready change, each location is still given what it is behind.

        Args:
            stream: Model, class and origin of the request.
            weights: Shares of the locations; those without share are not chosen.
            ready: Locations that can take it now.
            session: A number of its session, 0 = none.

        Returns:
            The location, or None where none with a share is ready and allowed.
        """
        able = {n: w for n, w in weights.items() if w > 0 and n in ready and self.allows(n, stream[2])}
        if not able:
            return None
        return self.turns(stream, able).next(session)

    def turns(self, stream: Stream, able: dict[str, float]) -> Turns:
        """The turns of a stream among locations that are ready and allowed, by weight."""
        known = self._turns.get(stream)
        if known is None or self._weights[stream] != able:
            known = self._turns[stream] = Turns(able, known.behind if known else None)
            self._weights[stream] = able
        return known


def least_loaded(backends: Sequence[Served], session: int = 0, own_work: float = 0.0) -> Served:
    """The instance with the least work for its capacity; the first of equals.

    A session's instance is drawn by its number and the same each time (rendezvous hashing: another instance that
    comes or goes moves only the sessions that it gains or loses). It is left only while it has clearly more to do:
    more than 1.5 times the least of all, and more than that by two requests like this one.

    Args:
        backends: At least one; of several modes alike, so that all pools of a class fill by free capacity.
        session: A number of the request's session, 0 = none.
        own_work: Work of the request itself.
    """
    least = backends[0]
    least_load = least.work / least.capacity_rps
    for each in backends:
        load = each.work / each.capacity_rps
        if load < least_load:
            least, least_load = each, load
    if not session:
        return least
    home = max(backends, key=lambda each: unit_hash(session, each.home_key))
    bound = CLEARLY_MORE * least_load + _OWN_REQUESTS * own_work / home.capacity_rps
    return home if home.work / home.capacity_rps <= bound else least
