"""The fleet of the evaluation: the paper's three locations and how requests may be parted; round trips are stated."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from freesh_plugin.core.profile import TokenTable
from freesh_plugin.core.request import TWO_BY_TWO, Partition
from models.capacity import by_class
from models.domain.lengths import RequestLength
from models.domain.scenario import Location, Machine, Objective, Profile, Scenario, ServiceLevel
from models.evaluate.site_levels import PROMPT_TOKENS, SCORED, levels_of
from models.evaluate.site_modes import all_modes, engine_of_mode, least_energy_mhz, mode_name, table_of, tables
from models.evaluate.site_profiles import Tables, governed, profiles_at
from models.simulator.fleet_model import FleetModel, Scoring

GPUS: Mapping[str, Mapping[str, int]] = {
    "loc1": {"A100": 4, "H100": 4},
    "loc2": {"A100": 12, "H100": 2},
    "loc3": {"A100": 8},
}
"""The artefact's instance: A100 4, 12, 8 and H100 4, 2, 0 (reference/freesh.md)."""

ROUND_TRIP_S: Mapping[str, Mapping[str, float]] = {
    "loc1": {"loc1": 0.01, "loc2": 0.04, "loc3": 0.07},
    "loc2": {"loc1": 0.04, "loc2": 0.01, "loc3": 0.03},
    "loc3": {"loc1": 0.07, "loc2": 0.03, "loc3": 0.01},
}
"""Location to origin to seconds, of the order of a continent; stated. An origin is called by its location."""

MACHINE_GPUS = 8
"""Most GPUs of a machine."""

PUE = 1.2
"""Of every location; stated."""

SHARDS_ALL_ON: Mapping[str, int] = {"A100": 4, "H100": 4}
"""What the paper's reference runs on both types."""

ONE_CLASS = Partition("one", ("all",), (), ())
"""No classes."""

PARTITIONS = (
    ONE_CLASS,
    Partition("answer444", TWO_BY_TWO, (PROMPT_TOKENS,), (444,)),
    Partition("answer200", TWO_BY_TWO, (PROMPT_TOKENS,), (200,)),
    Partition("prompt", ("short", "long"), (PROMPT_TOKENS,), ()),
)
"""How requests may be parted: not at all, by both lengths with two boundaries of the answer, by the prompt alone."""


@dataclass(frozen=True)
class Site:
    """A fleet as the planner and as the simulator see it.

    Attributes:
        scenario: For the planner, without demand, carbon and what runs; profiles at the highest clock.
        fleet: For the simulator; service is scored by classes of true lengths, whatever partition is planned.
        lengths: Requests that capacities were derived from: the past.
        power_model: Which power model it draws by: low, mid or high.
        shards: GPUs by type of an instance where all is on; GPUs too few for one, and other types, stay parked.
        tables: Token-level profile by mode.
    """

    scenario: Scenario
    fleet: FleetModel
    lengths: tuple[RequestLength, ...]
    power_model: str = "mid"
    shards: Mapping[str, int] = field(default_factory=lambda: dict(SHARDS_ALL_ON))
    tables: Mapping[str, TokenTable] = field(default_factory=dict)

    @cached_property
    def floors_mhz(self) -> Mapping[str, int]:
        """Mode to the lowest clock that a governor is to use: that of least energy; none where no clock is stated."""
        found = {name: least_energy_mhz(table) for name, table in self.tables.items()}
        return {name: clock_mhz for name, clock_mhz in found.items() if clock_mhz is not None}

    @cached_property
    def governed(self) -> tuple[Profile, ...]:
        """Profiles of instances whose clock is governed."""
        return governed(self.scenario, self.tables, self.lengths, self.floors_mhz)

    def at_clocks(self, clocks_mhz: Mapping[str, int], partition: str) -> tuple[Profile, ...]:
        """Profiles of one partition's classes at a clock of each GPU type."""
        only = tuple(each for each in self.scenario.partitions if each.name == partition)
        slos = tuple(each for each in self.scenario.slos if each.partition == partition)
        by_mode = {
            mode.name: clocks_mhz[kind] for mode in self.scenario.modes for kind in mode.gpus if kind in clocks_mhz
        }
        return profiles_at(replace(self.scenario, partitions=only, slos=slos), self.tables, self.lengths, by_mode)

    def drawing(self, power_model: str) -> "Site":
        """The same fleet under another power model; the planner is not told."""
        engines = {mode.name: engine_of_mode(mode, power_model) for mode in self.scenario.modes}
        return replace(self, fleet=replace(self.fleet, engines=engines), power_model=power_model)


def three_locations(
    lengths: Sequence[RequestLength],
    zones: Sequence[str],
    *,
    allowed_origins: Mapping[str, tuple[str, ...] | None] | None = None,
    power_model: str = "mid",
    host_power_w: float = 0.0,
) -> Site:
    """The fleet.

    Args:
        lengths: Requests of the past; capacities are derived from them.
        zones: Grid zone of each location, in the order of `GPUS`.
        allowed_origins: Origins that a location may serve, where residency limits it.
        power_model: low, mid or high.
        host_power_w: Watts of each location's hosts but for the GPUs; 0 = GPUs alone are counted.

    Raises:
        ScenarioError: lengths beyond what the profiles were made for.
    """
    allowed = allowed_origins or {}
    locations = tuple(
        Location(
            name, dict(gpus), pue=PUE, grid_zone=zone, rtt_s=dict(ROUND_TRIP_S[name]), host_power_w=host_power_w,
            allowed_origins=allowed.get(name),
        )
        for (name, gpus), zone in zip(GPUS.items(), zones, strict=True)
    )  # fmt: skip
    by_mode = {mode.name: table_of(mode) for mode in all_modes()}
    scenario = _scenario(locations, tuple(lengths), by_mode)
    engines = {mode.name: engine_of_mode(mode, power_model) for mode in scenario.modes}
    fleet = FleetModel(
        locations=locations,
        engines=engines,
        scored_by=Scoring(SCORED, _scored_levels(lengths), worst_tbt=False),
        machines=scenario.machines,
        reference=engines[mode_name("A100", 4)],
    )
    return Site(scenario, fleet, tuple(lengths), power_model, tables=by_mode)


def offered_partitions(lengths: Sequence[RequestLength]) -> tuple[Partition, ...]:
    """Those of `PARTITIONS` whose classes all got requests: of others no capacity can be derived."""
    return tuple(each for each in PARTITIONS if by_class(lengths, each).keys() == set(each.classes))


def of_all_classes(levels: Sequence[ServiceLevel], partition: Partition) -> tuple[ServiceLevel, ...]:
    """Levels of every class: one that got no request in the past has the loosest bounds of the others."""
    latency_s, ttft_s, tbt_s = (
        max(getattr(each, name) for each in levels) for name in ("latency_s", "ttft_s", "tbt_s")
    )
    known = {each.request_class: each for each in levels}
    return tuple(
        known.get(name, ServiceLevel(partition.name, name, latency_s, ttft_s, tbt_s)) for name in partition.classes
    )


def _scenario(locations: tuple[Location, ...], lengths: tuple[RequestLength, ...], by_mode: Tables) -> Scenario:
    modes, profiles = all_modes(), list(tables().values())
    partitions = offered_partitions(lengths)
    bare = Scenario(
        name="three-locations",
        locations=locations,
        modes=modes,
        partitions=partitions,
        profiles=(),
        slos=tuple(level for each in partitions for level in levels_of(each, lengths, profiles)),
        demand=(),
        carbon=(),
        machines=tuple(_machines(locations)),
        objective=Objective.only("carbon"),
    )
    return replace(bare, profiles=profiles_at(bare, by_mode, lengths))


def _scored_levels(lengths: Sequence[RequestLength]) -> tuple[ServiceLevel, ...]:
    return of_all_classes(levels_of(SCORED, lengths, list(tables().values())), SCORED)


def _machines(locations: Sequence[Location]) -> Iterator[Machine]:
    for location in locations:
        for gpu_type, count in location.gpus.items():
            for k, first in enumerate(range(0, count, MACHINE_GPUS)):
                yield Machine(location.name, f"{gpu_type.lower()}-{k}", gpu_type, min(MACHINE_GPUS, count - first))
