"""The policies' orders: a key for each request, smaller first, and whether one may take the place of others."""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple, Protocol

from freesh_plugin.core.laxity import (
    chance_first_token_is_late,
    chance_laxity_runs_out,
    chance_stretch_runs_out,
)
from freesh_plugin.runtime.entry import Entry, Place
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings


class Times(NamedTuple):
    """Seconds of the parts of one request's service, and what it counts.

    Attributes:
        prompt_s: Its whole prompt.
        start_s: What comes before its next token; for a running one, what it would take to resume it.
        start_work_s: The same in place-seconds: it holds others up.
        tbt_s: A token.
        prompts_s: The prompts of the others that wait.
        weight: How much a request of its client counts, in (0, 1].
    """

    prompt_s: float
    start_s: float
    start_work_s: float
    tbt_s: float
    prompts_s: float
    weight: float


class Urgency(NamedTuple):
    """How urgent a request is; both numbers are smaller for what is more urgent.

    Attributes:
        key: Its place in the order.
        claim: What it has to say against running requests whose place it would take, for as long as it needs one.
    """

    key: float
    claim: float


class Order(Protocol):
    """One policy's order."""

    @property
    def preemptive(self) -> bool:
        """Whether running requests may be preempted."""
        ...

    @property
    def stall_limit_s(self) -> float:
        """Seconds without a token after which a request gets one in any case."""
        ...

    @property
    def running_lasts_s(self) -> float:
        """Seconds for which the key of a running request stays good."""
        ...

    def lasts_s(self, delay_s: float, first_delay_s: float | None) -> float:
        """Seconds for which the key of a waiting request stays good.

        Args:
            delay_s: How long it would wait for its next token if it did not run now.
            first_delay_s: Seconds of the prompts that wait; None = nobody waits for a first token that is promised.
        """
        ...

    def urgency(self, entry: Entry, now_s: float, delay_s: float, times: Times) -> Urgency:
        """Its place in the order.

        Args:
            entry: The request; its `service_s` and `work_s` are up to date.
            now_s: Now.
            delay_s: How long it would wait if it did not run now.
            times: What parts of its service take.
        """
        ...

    def outweighs(self, claim: float, victims: Sequence[float]) -> bool:
        """Whether a waiting request of this claim may take the place of running ones of those keys."""
        ...


class FixedOrder:
    """Baselines: arrival, deadline, or predicted remaining service; keys of waiting requests never change."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.preemptive = policy is not Policy.FCFS
        self.stall_limit_s = inf
        self.running_lasts_s = 0.0 if policy is Policy.SRTF else inf

    def lasts_s(self, delay_s: float, first_delay_s: float | None) -> float:
        """For ever."""
        return inf

    def urgency(self, entry: Entry, now_s: float, delay_s: float, times: Times) -> Urgency:
        """Arrival, deadline or remaining service."""
        key = self._key(entry)
        return Urgency(key, key)

    def _key(self, entry: Entry) -> float:
        if self._policy is Policy.FCFS:
            return entry.job.arrival_s
        return entry.job.deadline_s if self._policy is Policy.EDF else entry.service_s

    def outweighs(self, claim: float, victims: Sequence[float]) -> bool:
        """Each of them comes later."""
        return all(claim < victim for victim in victims)


class LaxityOrder:
    """Least laxity first, for lengths that are uncertain and a load that may exceed what can be in time.

    A request's urgency is the chance that its laxity runs out while it waits for `delay_s`, per place-second of the
    work it needs; the key is its negative. Without a backlog the delay is short, and the request whose laxity is least
    comes first. The longer the backlog, the more requests would run out of laxity, and the more it counts how many can
    be saved by a second of work. A request that cannot be saved keeps `late_value`, so that it runs where there is
    room.

    Where a first token is promised too, a request that waits for it has in addition the urgency of that: the chance
    that it is late if the other prompts that wait come first, per place-second of its own prompt; against a running
    request, whose place it would take until its end, per place-second of all its work. Shares of clients count for
    that as far as prompts wait for as long as is promised: below, nobody has to be late.
    """

    preemptive = True
    running_lasts_s = 0.5

    def __init__(self, settings: SchedulerSettings) -> None:
        self._hysteresis = settings.hysteresis
        self._late_value = settings.late_value
        self.stall_limit_s = settings.stall_limit_s

    def lasts_s(self, delay_s: float, first_delay_s: float | None) -> float:
        """A fraction of the delay over which chances are weighed."""
        if first_delay_s is not None:
            delay_s = min(delay_s, max(first_delay_s, _LEAST_DELAY_S))
        return min(delay_s * _DELAY_SHARE, _LASTS_AT_MOST_S)

    def urgency(self, entry: Entry, now_s: float, delay_s: float, times: Times) -> Urgency:
        """The negative of weight · (chance lost by waiting + worth of a late answer) / work, and the first token's."""
        last = times.weight * (self._lost(entry, now_s, delay_s, times) + self._late_value) / entry.work_s
        first = _first_lost(entry, now_s, times)
        if not first:
            return Urgency(-last, -last)
        work_s = max(times.start_work_s, _LEAST_WORK_S)
        return Urgency(-last - first / work_s, -last - first / max(entry.work_s, work_s))

    def _lost(self, entry: Entry, now_s: float, delay_s: float, times: Times) -> float:
        job, start_s, tbt_s = entry.job, times.start_s, times.tbt_s
        if entry.place is Place.RUNNING:
            delay_s, start_s = delay_s + start_s, 0.0
        if job.stretch is None:
            room_s = job.deadline_s - now_s
            return chance_laxity_runs_out(entry.length, entry.generated, room_s, start_s, tbt_s, delay_s)
        waited_s = entry.waited_by(now_s)
        spare = max(job.stretch - 1, _LEAST_SPARE)
        return chance_stretch_runs_out(entry.length, entry.generated, waited_s, times.prompt_s, tbt_s, delay_s, spare)

    def outweighs(self, claim: float, victims: Sequence[float]) -> bool:
        """It is more urgent than all of them together, by the hysteresis."""
        return claim < self._hysteresis * sum(victims)


def _first_lost(entry: Entry, now_s: float, times: Times) -> float:
    """Weight · chance that its first token is late if the other prompts come first; 0 where none is due."""
    job = entry.job
    if job.first_due_s is None or entry.generated or entry.place is Place.RUNNING:
        return 0.0
    bound_s = max(job.first_due_s - job.arrival_s, _LEAST_BOUND_S)
    delay_s = max(times.prompts_s, _LEAST_DELAY_S)
    late = chance_first_token_is_late(job.first_due_s - now_s, times.start_s, bound_s, delay_s)
    return late * float(times.weight ** min(delay_s / bound_s, 1.0))


_DELAY_SHARE = 0.25
_LASTS_AT_MOST_S = 4.0
_LEAST_DELAY_S = 0.1
_LEAST_BOUND_S = 1e-3
_LEAST_WORK_S = 1e-3
_LEAST_SPARE = 1e-3
"""Share of its service that a request may wait for where its deadline leaves no time to spare at all."""


def order_of(settings: SchedulerSettings) -> Order:
    """The order of the policy that the settings name."""
    if settings.policy is Policy.LLF:
        return LaxityOrder(settings)
    return FixedOrder(settings.policy)
