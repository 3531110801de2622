"""The fleet that is simulated: locations, machines, instances by mode, and by what its service is scored."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from freesh_plugin.core.request import Partition
from models.domain.engine import EngineModel
from models.domain.scenario import Location, Machine, ServiceLevel
from models.simulator.fleet_target import FleetTarget
from models.simulator.simulation_error import SimulationError


@dataclass(frozen=True)
class Scoring:
    """What service is measured against: the same for every policy, whatever partition the policy itself uses.

    Attributes:
        partition: Classes by prompt length and TRUE answer length.
        levels: Bounds of its classes; a tier with none of its own has those of the first tier given.
        worst_tbt: Whether a request's longest time between tokens must keep the bound of TBT, or its mean.
    """

    partition: Partition
    levels: tuple[ServiceLevel, ...]
    worst_tbt: bool = True

    def __post_init__(self) -> None:
        """Check that there is something to score by.

        Raises:
            SimulationError: no level is of the partition.
        """
        if not any(each.partition == self.partition.name for each in self.levels):
            raise SimulationError(f"no service level to score partition {self.partition.name!r} by")

    def level(self, model: str, request_class: str, tier: str) -> ServiceLevel:
        """Bounds of a class of requests.

        Raises:
            SimulationError: there are none.
        """
        key = (self.partition.name, model, request_class)
        of = [each for each in self.levels if (each.partition, each.model, each.request_class) == key]
        if not of:
            raise SimulationError(f"no service level to score class {request_class!r} of model {model!r} by")
        return next((each for each in of if each.tier == tier), of[0])


@dataclass(frozen=True)
class FleetModel:
    """A fleet.

    Attributes:
        locations: With GPUs, PUE, round trips, residency, and watts of parked GPUs and of hosts.
        engines: An instance by name of its mode.
        scored_by: What service is measured against.
        machines: GPUs by machine, without windows; a location without any is one machine.
        reference: The instance alone in which a request's slowdown is 1; None = the first of `engines`.
        start: What serves when a run begins, loaded and free of charge; None = nothing is loaded.
    """

    locations: tuple[Location, ...]
    engines: Mapping[str, EngineModel]
    scored_by: Scoring
    machines: tuple[Machine, ...] = ()
    reference: EngineModel | None = None
    start: FleetTarget | None = None

    def engine(self, mode: str) -> EngineModel:
        """An instance of a mode.

        Raises:
            SimulationError: the fleet has no such mode.
        """
        if mode not in self.engines:
            raise SimulationError(f"no engine of mode {mode!r}, known are {sorted(self.engines)}")
        return self.engines[mode]

    @cached_property
    def by_name(self) -> Mapping[str, Location]:
        """Locations by name."""
        return {each.name: each for each in self.locations}

    @cached_property
    def alone(self) -> EngineModel:
        """The instance that slowdowns are told by."""
        return self.reference or next(iter(self.engines.values()))

    @cached_property
    def stock(self) -> tuple[Machine, ...]:
        """All machines, those of locations that name none included.

        Raises:
            SimulationError: a machine comes or goes, its GPUs are not those of its location, or their parked watts are
                not known.
        """
        found = list(self.machines)
        for location in self.locations:
            _check_parked(location)
            own = [each for each in self.machines if each.location == location.name]
            if own:
                _check(location, own)
            else:
                found += [Machine(location.name, location.name, kind, n) for kind, n in location.gpus.items() if n]
        return tuple(found)


def _check_parked(location: Location) -> None:
    """What each type of GPU draws when nothing holds it is known."""
    for kind, count in location.gpus.items():
        if count and kind not in location.parked_power_w:
            raise SimulationError(f"watts of parked {kind} GPUs at {location.name!r} are not given")


def _check(location: Location, machines: list[Machine]) -> None:
    """A location's machines hold exactly its GPUs, all the time."""
    for each in machines:
        if each.available_from is not None or each.available_until is not None:
            raise SimulationError(f"machine {each.machine!r} at {each.location!r} comes or goes: that is not simulated")
    for kind in {each.gpu_type for each in machines} | {kind for kind, count in location.gpus.items() if count}:
        held = sum(each.gpus for each in machines if each.gpu_type == kind)
        if held != location.gpus.get(kind, 0):
            raise SimulationError(
                f"machines at {location.name!r} have {held} {kind} GPUs, the location {location.gpus.get(kind, 0)}"
            )
