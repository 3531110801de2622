"""Scores of a run as its requests end, in memory that does not grow with their number."""

from models.domain.scenario import ServiceLevel
from models.domain.workload import WorkloadRequest
from models.simulator.fleet_model import FleetModel
from models.simulator.instance_types import Outcome
from models.simulator.log_histogram import LogHistogram
from models.simulator.service_alone import ServiceAlone

RELAXED_S = (2.0, 0.2)
TIGHT_S = (0.45, 0.04)
"""TTFT and mean TBT of the absolute bounds, seconds."""

SHED = "shed"
"""Code of a request that the plan does not serve, or that waited in vain for an instance to load."""


class ClassTally:
    """Requests of one class and tier, by true lengths.

    Attributes:
        level: Their bounds.
        offered, kept: How many there were, and how many kept the bounds.
        ttft, tbt, latency: Of those that were served; TBT is each request's mean.
    """

    __slots__ = ("kept", "latency", "level", "offered", "tbt", "ttft")

    def __init__(self, level: ServiceLevel) -> None:
        self.level = level
        self.offered = self.kept = 0
        self.ttft, self.tbt, self.latency = LogHistogram(), LogHistogram(), LogHistogram()


class Tally:
    """Counts, histograms and sums over requests as users see them.

    Args:
        fleet: By what service is scored, and the instance that slowdowns are told by.
        end_s: End of the workload: until then a request that is not served is held to have stalled.
    """

    def __init__(self, fleet: FleetModel, end_s: float) -> None:
        self._scoring, self._end_s = fleet.scored_by, end_s
        self._partition, self._worst_tbt = self._scoring.partition, self._scoring.worst_tbt
        self._alone = ServiceAlone(fleet.alone)
        self.classes: dict[tuple[str, str], ClassTally] = {}
        self.finished = self.refused = self.shed = 0
        self.relaxed = self.tight = 0
        self.preemptions = self.prompt_tokens = self.cached_tokens = 0
        self.stall = LogHistogram()
        self._slowdowns: dict[int, list[float]] = {}

    def ended(self, outcome: Outcome, back_s: float) -> None:
        """A request ended; its last token takes `back_s` seconds to the user."""
        request = outcome.arrival.request
        found = self._class(request)
        found.offered += 1
        if outcome.finished_s is None or outcome.first_token_s is None:
            self.stall.add(max(self._end_s - request.arrival_s, 0.0))
            self.shed += outcome.refused == SHED
            self.refused += outcome.refused != SHED
            return
        self._served(found, outcome, outcome.first_token_s + back_s, outcome.finished_s + back_s)

    @property
    def offered(self) -> int:
        """Requests that ended one way or another."""
        return self.finished + self.refused + self.shed

    @property
    def kept(self) -> int:
        """Requests that kept the bounds of their class."""
        return sum(each.kept for each in self.classes.values())

    def merged(self, name: str) -> LogHistogram:
        """Histogram of that name (ttft, tbt, latency) over all classes."""
        whole = LogHistogram()
        for each in self.classes.values():
            whole.merge(getattr(each, name))
        return whole

    def slowdowns(self) -> list[float]:
        """Mean slowdown of each client, by its number."""
        return [total / count for _, (total, count) in sorted(self._slowdowns.items())]

    def _served(self, found: ClassTally, outcome: Outcome, first_s: float, finished_s: float) -> None:
        request = outcome.arrival.request
        ttft_s, latency_s = first_s - request.arrival_s, finished_s - request.arrival_s
        more = answer_tokens(request) - 1
        tbt_s = (finished_s - first_s) / more if more else 0.0
        self.finished += 1
        found.ttft.add(ttft_s)
        found.latency.add(latency_s)
        if more:
            found.tbt.add(tbt_s)
        level = found.level
        scored_tbt_s = outcome.tbt_worst_s if self._worst_tbt else tbt_s
        found.kept += ttft_s <= level.ttft_s and latency_s <= level.latency_s and scored_tbt_s <= level.tbt_s
        self.relaxed += ttft_s <= RELAXED_S[0] and tbt_s <= RELAXED_S[1]
        self.tight += ttft_s <= TIGHT_S[0] and tbt_s <= TIGHT_S[1]
        self.stall.add(max(outcome.longest_wait_s, ttft_s))
        self.preemptions += outcome.preemptions
        self.prompt_tokens += request.prompt_tokens
        self.cached_tokens += outcome.cached_tokens
        self._slow(request, latency_s)

    def _slow(self, request: WorkloadRequest, latency_s: float) -> None:
        """Add to the slowdown of a request's client."""
        known = self._slowdowns.get(request.client)
        if known is None:
            known = self._slowdowns[request.client] = [0.0, 0.0]
        known[0] += latency_s / self._alone.service_s(request.prompt_tokens, answer_tokens(request))
        known[1] += 1

    def _class(self, request: WorkloadRequest) -> ClassTally:
        """Where a request counts."""
        key = (self._partition.classify(request.prompt_tokens, answer_tokens(request)), request.tier)
        known = self.classes.get(key)
        if known is None:
            known = self.classes[key] = ClassTally(self._scoring.level(request.model, *key))
        return known


def answer_tokens(request: WorkloadRequest) -> int:
    """Tokens that a request gets when it is served."""
    return min(request.answer_tokens, request.max_new_tokens)
