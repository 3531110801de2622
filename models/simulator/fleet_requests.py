"""Requests that are under way, and how they end: each exactly once."""

from models.domain.workload import WorkloadRequest
from models.simulator.energy_books import EnergyBooks
from models.simulator.fleet_member import Member
from models.simulator.fleet_model import FleetModel
from models.simulator.instance_types import Arrival, Outcome
from models.simulator.simulation_error import SimulationError
from models.simulator.tally import Tally


class RequestBook:
    """Numbers requests, and enters their ends into tally and books.

    Attributes:
        offered: Requests that came.
    """

    def __init__(self, fleet: FleetModel, tally: Tally, books: EnergyBooks) -> None:
        self._rtt_s = {(each.name, origin): rtt_s for each in fleet.locations for origin, rtt_s in each.rtt_s.items()}
        self._tally, self._books = tally, books
        self._open: set[int] = set()
        self.offered = 0

    def came(self) -> int:
        """Number of a request that came."""
        self.offered += 1
        self._open.add(self.offered)
        return self.offered

    def way_s(self, location: str, origin: str) -> float:
        """Seconds that a message takes between a location and users of an origin, one way."""
        return self._rtt_s.get((location, origin), 0.0) / 2

    def ended(self, member: Member, outcome: Outcome) -> None:
        """A request ended in an instance."""
        location = member.key.location
        self._close(outcome)
        self._tally.ended(outcome, self.way_s(location, outcome.arrival.request.origin))
        if outcome.finished_s is not None:
            self._books.cell(location, self._books.slot(outcome.finished_s)).served += 1

    def turned_away(self, number: int, request: WorkloadRequest, request_class: str, now_s: float, code: str) -> None:
        """A request ended at the gateway."""
        arrival = Arrival(number, request, now_s, request_class)
        outcome = Outcome(arrival, None, None, now_s - request.arrival_s, refused=code)
        self._close(outcome)
        self._tally.ended(outcome, 0.0)

    def check_all_ended(self, now_s: float) -> None:
        """Check that no request is lost.

        Raises:
            SimulationError: one has not ended.
        """
        if self._open or self._tally.offered != self.offered:
            raise SimulationError(
                f"of {self.offered} requests {self._tally.offered} ended by {now_s:.3f} s, {len(self._open)} did not, "
                f"the first of them {min(self._open, default=0)}"
            )

    def _close(self, outcome: Outcome) -> None:
        number = outcome.arrival.request_id
        if number not in self._open:
            raise SimulationError(f"request {number} ended more than once, now at {outcome.finished_s} s")
        self._open.discard(number)
