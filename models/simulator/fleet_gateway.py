"""The gateway: takes requests as they come, sends them to instances, and lets them wait while instances load."""

from collections.abc import Iterable

from models.domain.workload import WorkloadRequest
from models.simulator.fleet_agenda import Agenda
from models.simulator.fleet_model import FleetModel
from models.simulator.fleet_requests import RequestBook
from models.simulator.fleet_roster import Roster
from models.simulator.fleet_routing import WAIT, Routing, Way
from models.simulator.instance_types import Arrival
from models.simulator.simulation_error import SimulationError
from models.simulator.tally import SHED

UNKNOWN_MODEL = "unknown_model"


class Gateway:
    """Between users and instances."""

    def __init__(
        self, fleet: FleetModel, routing: Routing, roster: Roster, requests: RequestBook, agenda: Agenda
    ) -> None:
        self._locations, self._routing, self._roster = fleet.by_name, routing, roster
        self._requests, self._agenda = requests, agenda
        self._waiting: dict[int, WorkloadRequest] = {}

    def came(self, request: WorkloadRequest) -> None:
        """A request came from a user, now."""
        number = self._requests.came()
        request_class = self._routing.request_class(request)
        if request_class:
            self._send(number, request, request_class)
        else:
            self._requests.turned_away(number, request, "", self._agenda.now_s, UNKNOWN_MODEL)

    def take_back(self, given: Iterable[Arrival], location: str) -> None:
        """Send requests elsewhere that an instance gave back; within the location at once."""
        for each in given:
            request_class = self._routing.request_class(each.request) or each.request_class
            if self._roster.of_class(each.request.model, request_class).get(location):
                self._reach(each.request_id, each.request, request_class, Way(location))
            else:
                self._send(each.request_id, each.request, request_class)

    def give_up_on(self, lost: Iterable[Arrival], code: str) -> None:
        """Turn requests away that are not to be sent again."""
        for each in lost:
            self._requests.turned_away(each.request_id, each.request, each.request_class, self._agenda.now_s, code)

    def try_waiting(self) -> None:
        """Send on those that wait for whom there is an instance now."""
        for number, request in list(self._waiting.items()):
            request_class = self._routing.request_class(request)
            way = self._routing.way(request, request_class, self._agenda.now_s) if request_class else WAIT
            if way is not WAIT:
                del self._waiting[number]
                self._go(number, request, request_class, way)

    def _send(self, number: int, request: WorkloadRequest, request_class: str) -> None:
        way = self._routing.way(request, request_class, self._agenda.now_s)
        if way is WAIT:
            self._wait(number, request, request_class)
        else:
            self._go(number, request, request_class, way)

    def _go(self, number: int, request: WorkloadRequest, request_class: str, way: Way) -> None:
        if way.refused:
            self._requests.turned_away(number, request, request_class, self._agenda.now_s, way.refused)
            return
        way_s = self._requests.way_s(way.location, request.origin)
        if way_s:
            self._agenda.at(self._agenda.now_s + way_s, self._reach, number, request, request_class, way)
        else:
            self._reach(number, request, request_class, way)

    def _reach(self, number: int, request: WorkloadRequest, request_class: str, way: Way) -> None:
        """A request is at its location."""
        if way.any_class:
            there = self._roster.of_model(request.model).get(way.location)
        else:
            there = self._roster.of_class(request.model, request_class).get(way.location)
        if not there:
            self._send(number, request, self._routing.request_class(request) or request_class)
            return
        if not self._locations[way.location].allows(request.origin):
            raise SimulationError(f"request {number} of {request.origin!r} is at {way.location!r}, against residency")
        now_s = self._agenda.now_s
        member = self._routing.member(request, there, now_s)
        # What it was promised counts from when it would have been there, had it not waited or been sent on.
        due_s = request.arrival_s + self._requests.way_s(way.location, request.origin)
        if due_s < now_s:
            member.advance(now_s)
        member.submit(Arrival(number, request, due_s, request_class))

    def _wait(self, number: int, request: WorkloadRequest, request_class: str) -> None:
        self._waiting[number] = request
        until_s = request.arrival_s + self._routing.latency_s(request.model, request_class)
        self._agenda.at(until_s, self._give_up, number, request_class)

    def _give_up(self, number: int, request_class: str) -> None:
        """A request has waited for as long as it was promised to take."""
        request = self._waiting.pop(number, None)
        if request is not None:
            self._requests.turned_away(number, request, request_class, self._agenda.now_s, SHED)
