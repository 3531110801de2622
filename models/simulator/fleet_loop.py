"""The discrete-event loop: requests, targets and loads by time; an instance goes on when somebody looks at it."""

from collections.abc import Callable, Sequence
from math import isinf

from models.domain.engine import EngineModel
from models.domain.workload import Workload
from models.simulator.energy_books import EnergyBooks
from models.simulator.fleet_agenda import Agenda
from models.simulator.fleet_checks import check_energy, held_gpu_s
from models.simulator.fleet_fault import Fault
from models.simulator.fleet_gateway import Gateway
from models.simulator.fleet_member import Member
from models.simulator.fleet_model import FleetModel
from models.simulator.fleet_requests import RequestBook
from models.simulator.fleet_roster import Roster
from models.simulator.fleet_routing import Routing
from models.simulator.fleet_stock import FleetStock
from models.simulator.fleet_target import Controller
from models.simulator.fleet_transition import Transition
from models.simulator.fleet_view import ArrivalLog, view_at
from models.simulator.instance_types import Instance, InstanceSettings, InstanceSink
from models.simulator.simulation_error import SimulationError
from models.simulator.tally import Tally

MakeInstance = Callable[[EngineModel, InstanceSettings, InstanceSink, float], Instance]
"""Engine, settings, whom it tells, and when it begins to serve."""

Progress = Callable[[int, float], None]
"""Told now and then: requests so far, and seconds simulated."""

_TOLD_EVERY = 10_000
_STEP_S = 0.05
_ENDLESS_S = 1e6


class FleetLoop:
    """One run.

    What is counted: all power from the start to the end of the workload; after it each instance until its own last
    request ends, whole loads, and nothing else.

    Attributes:
        tally, books, roster, routing, transition: What came of it.
        end_s: When the last request ended, at least the end of the workload.
    """

    def __init__(
        self,
        fleet: FleetModel,
        workload: Workload,
        controller: Controller,
        settings: InstanceSettings,
        make_instance: MakeInstance,
        faults: Sequence[Fault],
    ) -> None:
        self._workload, self._controller, self._fleet = workload, controller, fleet
        self.end_s = workload.duration_s
        self._agenda = Agenda()
        self._log = ArrivalLog()
        self.tally, self.books = Tally(fleet, workload.duration_s), EnergyBooks(workload.duration_s)
        self._requests = RequestBook(fleet, self.tally, self.books)
        self.roster = Roster(self.books, self._requests.ended)
        self.routing = Routing(fleet, self.roster)
        self._stock = FleetStock(fleet, self.books, workload.duration_s)
        self._gateway = Gateway(fleet, self.routing, self.roster, self._requests, self._agenda)

        def make(member: Member, now_s: float) -> Instance:
            return make_instance(member.engine, settings, member, now_s)

        self.transition = Transition(
            fleet, self.roster, self.routing, self._gateway, self._stock, self.books, self._agenda, make
        )

        for each in faults:
            self._agenda.at(each.at_s, self.transition.lose, each.location)

    def run(self, progress: Progress | None) -> None:
        """Run it from the first request to the end of the last."""
        if self._fleet.start is not None:
            self.transition.begin(self._fleet.start)
        self._ask_later()
        agenda, gateway = self._agenda, self._gateway
        asks = not isinf(self._controller.next_s)
        for number, request in enumerate(self._workload.requests()):
            if not agenda.now_s <= request.arrival_s <= self._workload.duration_s:
                raise SimulationError(
                    f"a request comes at {request.arrival_s:.6f} s: expected are {agenda.now_s:.6f} s, the time of the "
                    f"one before, to {self._workload.duration_s:.6f} s, the end of the workload"
                )
            agenda.run_until(request.arrival_s)
            if asks:
                self._log.add(request)
            gateway.came(request)
            if progress is not None and number % _TOLD_EVERY == 0:
                progress(number, request.arrival_s)
        agenda.run_until(self._workload.duration_s)
        self._finish()

    def _ask_later(self) -> None:
        if self._controller.next_s < self._workload.duration_s:
            self._agenda.at(self._controller.next_s, self._ask)

    def _ask(self) -> None:
        """Ask the controller what the fleet is to be."""
        now_s = self._agenda.now_s
        log, self._log = self._log, ArrivalLog()
        target = self._controller.decide(now_s, view_at(now_s, self.roster, self._stock, self.routing.target, log))
        if target is not None and target.valid_from_s < self._workload.duration_s:
            if target.valid_from_s < now_s:
                raise SimulationError(f"a target is valid from {target.valid_from_s:.3f} s, decided at {now_s:.3f} s")
            self._agenda.at(target.valid_from_s, self.transition.apply, target)
        if not isinf(self._controller.next_s) and self._controller.next_s <= now_s:
            raise SimulationError(f"the controller asks to be asked at {self._controller.next_s} s, it is {now_s} s")
        self._ask_later()

    def _finish(self) -> None:
        """Serve what is left, and check that nothing is lost."""
        self._agenda.run_out()
        for each in list(self.roster.members):
            if each.instance is not None:
                self._serve_out(each)
        self.end_s = max([self.end_s, *(each.drawn_until_s for each in self.roster.all())])
        self._requests.check_all_ended(self.end_s)
        self._stock.settle(self.end_s, held_gpu_s(self.roster, self._workload.duration_s))
        check_energy(self.roster, self.books)

    def _serve_out(self, member: Member) -> None:
        member.advance(self._workload.duration_s)
        while member.outstanding:
            until_s = max(member.next_change_s, member.serving.now_s + _STEP_S)
            if until_s > self._workload.duration_s + _ENDLESS_S:
                raise SimulationError(
                    f"instance {member.number} of {member.key} has {member.outstanding} requests that do not end"
                )
            member.advance(until_s)
