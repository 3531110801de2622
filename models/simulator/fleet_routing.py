"""Where the gateway sends a request: by the plan as far as it can, elsewhere before it is not served."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

from freesh_plugin.runtime.balancer import Balancer, Stream, least_loaded, work_of
from models.domain.scenario import ANY_ORIGIN
from models.domain.workload import WorkloadRequest
from models.simulator.fleet_member import Member
from models.simulator.fleet_model import FleetModel
from models.simulator.fleet_roster import ByLocation, Roster
from models.simulator.fleet_shares import shares_now, wanted_rps
from models.simulator.fleet_target import FleetTarget
from models.simulator.simulation_error import SimulationError
from models.simulator.tally import SHED

NO_INSTANCE = "no_instance"
"""No instance of the model runs or comes at a location that may serve the origin."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where a request goes.

    Attributes:
        location: The location; empty = nowhere yet.
        any_class: Whether an instance of any class takes it, for its own has none.
        refused: Why it goes nowhere at all; empty = it waits at the gateway for an instance to load.
    """

    location: str = ""
    any_class: bool = False
    refused: str = ""


WAIT = Way()


class Routing:
    """Sends requests by the target in force.

    1. A location with an instance of the class, by the routes' shares as far as its instances serve (`shares_now`).
    2. Where no location with a share has one: an allowed location that has, though the plan gives it no share.
    3. Where its instances still load and the first is ready before the class's latency is over: the gateway, to wait.
    4. Any instance of the model at an allowed location.
    5. The gateway, while anything of the model loads; else it is refused.

    Residency holds in all of them.

    Attributes:
        target: In force.
        detours: Requests sent where the plan gave no share.
        spills: Requests sent to instances of another class.
    """

    def __init__(self, fleet: FleetModel, roster: Roster) -> None:
        self._fleet, self._roster = fleet, roster
        self._balancer = Balancer({each.name: each.allowed_origins for each in fleet.locations})
        self._direct = {each.name: Way(each.name) for each in fleet.locations}
        self._within_s: dict[tuple[str, str], float] = {}
        self._now: dict[Stream, Mapping[str, float] | None] = {}
        self._as_of = -1
        self.target: FleetTarget | None = None
        self.detours = self.spills = 0

    def follow(self, target: FleetTarget) -> None:
        """Another target is in force."""
        self.target = target
        self._within_s, self._now = {}, {}

    def request_class(self, request: WorkloadRequest) -> str:
        """Class of a request by its predicted length; empty where its model is not served.

        Raises:
            SimulationError: no target is in force yet.
        """
        if self.target is None:
            raise SimulationError(f"a request came at {request.arrival_s:.3f} s, before anything said what serves")
        partition = self.target.partitions.get(request.model)
        return partition.classify(request.prompt_tokens, request.estimate.q50) if partition else ""

    def way(self, request: WorkloadRequest, request_class: str, now_s: float) -> Way:
        """Where a request goes now."""
        stream = (request.model, request_class, request.origin)
        shares = self._shares(stream)
        if shares is None:
            return Way(refused=SHED)
        ready = self._roster.of_class(request.model, request_class)
        location = self._balancer.location(stream, shares, ready, request.session)
        return self._otherwise(request, request_class, now_s) if location is None else self._direct[location]

    def member(self, request: WorkloadRequest, candidates: Iterable[Member], now_s: float) -> Member:
        """The instance that takes a request, all of them having served until now."""
        members = list(candidates)
        for each in members:
            if each.next_change_s <= now_s:
                each.advance(now_s)
        return least_loaded(members, request.session, work_of(request.prompt_tokens, request.estimate.q50))

    def latency_s(self, model: str, request_class: str) -> float:
        """Seconds that a request of a class may wait at the gateway: the latency that the plan promises it.

        Where the plan promises none, the longest that any class is scored by.
        """
        key = (model, request_class)
        if key not in self._within_s:
            promised = [
                pool.slo.latency_s
                for at, pool in self._target.pools.items()
                if (at.model, at.request_class) == key and pool.slo is not None
            ]
            scored = [each.latency_s for each in self._fleet.scored_by.levels]
            self._within_s[key] = min(promised) if promised else max(scored)
        return self._within_s[key]

    def _shares(self, stream: Stream) -> Mapping[str, float] | None:
        """Shares of the locations for a stream as things are; None where the plan does not serve it."""
        if self._as_of != self._roster.version:
            self._as_of, self._now = self._roster.version, {}
        if stream not in self._now:
            self._now[stream] = self._shares_of(*stream)
        return self._now[stream]

    def _shares_of(self, model: str, request_class: str, origin: str) -> Mapping[str, float] | None:
        routes = self._target.routes
        shares = routes.get((model, request_class, origin), routes.get((model, request_class, ANY_ORIGIN)))
        if shares is None:
            return {}
        if not any(share > 0 for share in shares.values()):
            return None
        ready = self._roster.of_class(model, request_class)
        return shares_now(shares, ready, wanted_rps(self._target, model, request_class))

    @property
    def _target(self) -> FleetTarget:
        assert self.target is not None
        return self.target

    def _otherwise(self, request: WorkloadRequest, request_class: str, now_s: float) -> Way:
        """Where a request goes that the routes bring nowhere."""
        model = request.model
        own = self._allowed(self._roster.of_class(model, request_class), request.origin)
        if own:
            self.detours += 1
            return Way(self.member(request, own, now_s).key.location)
        coming = self._allowed(self._roster.coming(model), request.origin)
        first_s = min((each.ready_s for each in coming if each.key.request_class == request_class), default=inf)
        if first_s <= request.arrival_s + self.latency_s(model, request_class):
            return WAIT
        others = self._allowed(self._roster.of_model(model), request.origin)
        if others:
            self.spills += 1
            return Way(self.member(request, others, now_s).key.location, any_class=True)
        return WAIT if coming else Way(refused=NO_INSTANCE)

    def _allowed(self, by_location: ByLocation, origin: str) -> list[Member]:
        allows = self._balancer.allows
        return [each for location, of in by_location.items() if allows(location, origin) for each in of]
