"""GPUs by machine: what is held and what is parked, at every moment, and what the parked ones and hosts draw."""

from collections.abc import Mapping

from models.domain.scenario import Location, Machine
from models.simulator.energy_books import EnergyBooks
from models.simulator.fleet_model import FleetModel
from models.simulator.instance_types import Draw
from models.simulator.simulation_error import SimulationError

_CLOSE_S = 1e-3


class FleetStock:
    """Holds GPUs for instances; every other GPU draws its parked watts, every host its own, until `end_s`.

    Args:
        fleet: Machines, parked watts and hosts.
        books: Where parked GPUs and hosts are booked.
        end_s: From here on nothing of theirs is booked: the workload is over.
    """

    def __init__(self, fleet: FleetModel, books: EnergyBooks, end_s: float) -> None:
        self._books, self._end_s = books, end_s
        self._machines = {(each.location, each.machine, each.gpu_type): each for each in fleet.stock}
        self._free = {key: machine.gpus for key, machine in self._machines.items()}
        self._sites = {each.name: _Site(each, fleet.stock) for each in fleet.locations}

    def hold(self, location: str, gpu_type: str, gpus: int, now_s: float) -> str | None:
        """Take GPUs of one machine, the fullest that has enough; its name, or None where none has."""
        fits = [
            (free, machine)
            for (place, machine, kind), free in self._free.items()
            if place == location and kind == gpu_type and free >= gpus
        ]
        if not fits:
            return None
        machine = min(fits)[1]
        self._move((location, machine, gpu_type), -gpus, now_s)
        return machine

    def release(self, location: str, machine: str, gpu_type: str, gpus: int, now_s: float) -> None:
        """Park GPUs that were held."""
        self._move((location, machine, gpu_type), gpus, now_s)

    def free(self) -> Mapping[tuple[str, str], int]:
        """GPUs that nothing holds by location and type."""
        found: dict[tuple[str, str], int] = {}
        for (location, _, kind), free in self._free.items():
            found[location, kind] = found.get((location, kind), 0) + free
        return found

    def free_by_machine(self, location: str, gpu_type: str) -> dict[str, int]:
        """Free GPUs of a type at a location by machine."""
        return {m: free for (place, m, kind), free in self._free.items() if place == location and kind == gpu_type}

    def settle(self, now_s: float, held_gpu_s: Mapping[tuple[str, str], float]) -> None:
        """Book what is left, and check that held and parked GPUs are the stock all along.

        Args:
            now_s: End of the run.
            held_gpu_s: GPU-seconds that instances held until the end of the workload, by location and type.

        Raises:
            SimulationError: they are not.
        """
        for site in self._sites.values():
            site.settle(self._books, now_s, self._end_s)
        for (location, kind), whole in self._sites_gpus().items():
            parked_s = self._sites[location].parked_gpu_s.get(kind, 0.0)
            held_s = held_gpu_s.get((location, kind), 0.0)
            if abs(parked_s + held_s - whole * self._end_s) > _CLOSE_S * whole:
                raise SimulationError(
                    f"{kind} at {location!r}: {held_s:.3f} GPU-s held and {parked_s:.3f} parked of {whole} GPUs "
                    f"over {self._end_s:.0f} s"
                )

    def _sites_gpus(self) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for (location, _, kind), machine in self._machines.items():
            found[location, kind] = found.get((location, kind), 0) + machine.gpus
        return found

    def _move(self, key: tuple[str, str, str], gpus: int, now_s: float) -> None:
        site = self._sites[key[0]]
        site.settle(self._books, now_s, self._end_s)
        free = self._free[key] + gpus
        if not 0 <= free <= self._machines[key].gpus:
            raise SimulationError(
                f"machine {key[1]!r} at {key[0]!r} would have {free} free of {self._machines[key].gpus} {key[2]} GPUs "
                f"at {now_s:.3f} s"
            )
        self._free[key] = free
        site.parked[key[2]] += gpus


class _Site:
    """Parked GPUs and hosts of one location since its last change."""

    def __init__(self, location: Location, machines: tuple[Machine, ...]) -> None:
        own = [each for each in machines if each.location == location.name]
        self._name = location.name
        self._parked_w = location.parked_power_w
        # As the planner counts them: every host is on, all the time.
        self._hosts_w = location.host_power_w * len({each.machine for each in own})
        self.parked: dict[str, int] = {}
        self.parked_gpu_s: dict[str, float] = {}
        for each in own:
            self.parked[each.gpu_type] = self.parked.get(each.gpu_type, 0) + each.gpus
        self._since_s = 0.0

    def settle(self, books: EnergyBooks, now_s: float, end_s: float) -> None:
        """Book from the last change until now, but nothing after the workload."""
        until_s = min(now_s, end_s)
        spent_s = until_s - self._since_s
        if spent_s <= 0:
            return
        for kind, gpus in self.parked.items():
            if gpus:
                self.parked_gpu_s[kind] = self.parked_gpu_s.get(kind, 0.0) + gpus * spent_s
                books.draw(self._name, self._since_s, until_s, gpus * self._parked_w[kind] * spent_s, Draw.PARKED)
        if self._hosts_w:
            books.draw(self._name, self._since_s, until_s, self._hosts_w * spent_s, Draw.HOST)
        self._since_s = until_s
