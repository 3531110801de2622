"""An operator's own fleet, from a scenario folder with token-level profiles, as planner and simulator see it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.core.profile import TokenTable
from freesh_plugin.core.request import Partition
from models.domain.engine import EngineModel
from models.domain.lengths import RequestLength
from models.domain.scenario import ANY_ORIGIN, DEFAULT, Location, Machine, Mode, Scenario, ServiceLevel, Tier
from models.domain.workload import Workload
from models.evaluate.length_sample import length_sample
from models.evaluate.site import ONE_CLASS, PARTITIONS, Site, offered_partitions
from models.evaluate.site_modes import mode_name
from models.evaluate.site_profiles import profiles_at
from models.simulator.fleet_model import FleetModel, Scoring
from models.sources.scenario_engines import engine_of_mode, load_tokens
from models.sources.scenario_folder import load_fleet
from models.sources.workload.known_names import KnownNames

Engines = Callable[[str], Mapping[str, EngineModel]]
"""Engines by mode under a power model."""


@dataclass(frozen=True)
class OwnFleet:
    """What a folder says.

    Attributes:
        scenario: As read, for one model and one tier, modes renamed to what the policies call them.
        tables: Token-level profile of each mode.
        model: What the folder calls its model.
        tiers: Its service tiers; all are served alike, by the levels of the first.
    """

    scenario: Scenario
    tables: Mapping[str, TokenTable]
    model: str = DEFAULT
    tiers: tuple[str, ...] = (DEFAULT,)

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins that its locations name; `any` where they name none."""
        named = [
            origin
            for location in self.scenario.locations
            for origin in (*location.rtt_s, *(location.allowed_origins or ()))
        ]
        return tuple(dict.fromkeys(named)) or (ANY_ORIGIN,)

    @property
    def names(self) -> KnownNames:
        """Names that requests may bear; where some location serves everybody, any origin."""
        open_to_all = any(each.allowed_origins is None for each in self.scenario.locations)
        origins = None if open_to_all else tuple(dict.fromkeys((*self.origins, ANY_ORIGIN)))
        return KnownNames(origins, (*self.tiers, DEFAULT), {self.model: DEFAULT, DEFAULT: DEFAULT})


@dataclass(frozen=True)
class OwnSite(Site):
    """A site whose engines come from the operator's own profiles."""

    engines: Engines = lambda _: {}

    @property
    def static_clocks_mhz(self) -> Mapping[str, int]:
        """GPU type to the clock of least energy of its instance where all is on, where its profile states clocks."""
        floors = self.floors_mhz
        named = {gpu_type: mode_name(gpu_type, gpus) for gpu_type, gpus in self.shards.items()}
        return {gpu_type: floors[name] for gpu_type, name in named.items() if name in floors}

    def drawing(self, power_model: str) -> "OwnSite":
        """The same fleet under another power model; the planner is not told."""
        return replace(self, fleet=replace(self.fleet, engines=self.engines(power_model)), power_model=power_model)


def own_fleet(folder: Path) -> OwnFleet:
    """Read a fleet.

    Raises:
        ScenarioError: the folder is wrong, has no token-level profile, several models, or no bounded partition.
    """
    scenario = load_fleet(folder)
    if len(scenario.models) != 1:
        raise ScenarioError(f"{folder}: {len(scenario.models)} models, a simulation of a folder has one")
    tables, _ = load_tokens(folder, scenario)
    kept = {mode_name_of(mode): mode for mode in scenario.modes if (scenario.models[0], mode.name) in tables}
    if not kept:
        raise ScenarioError(f"{folder}: no mode has a token-level profile: there is no token_profiles.csv")
    scored_by(scenario)
    machines = scenario.machines or tuple(_machines(scenario.locations))
    return OwnFleet(
        replace(
            scenario,
            models=(DEFAULT,),
            tiers=(Tier(),),
            modes=tuple(replace(mode, name=name) for name, mode in kept.items()),
            machines=machines,
            profiles=(),
        ),
        {name: tables[scenario.models[0], mode.name] for name, mode in kept.items()},
        scenario.models[0],
        tuple(each.name for each in scenario.tiers),
    )


def own_site(own: OwnFleet, before: Workload, zones: Sequence[str], power_model: str = "mid") -> OwnSite:
    """The fleet as policies are run on it.

    Its own first partition with known boundaries, and that one's service levels, are what service is scored by. The
    policies' partitions get bounds from them: of a class, the loosest that its requests have there, which capacity is
    planned for; each request is scored by its own. A partition of which a class got no request is not offered.

    Args:
        own: The fleet.
        before: Requests of the past; capacities are derived from their lengths.
        zones: Grid zone of each location.
        power_model: low, mid or high.

    Raises:
        ScenarioError: no mode serves all requests within the service levels.
    """
    scored, levels = scored_by(own.scenario)
    lengths = length_sample(before, (*PARTITIONS, scored))
    partitions = offered_partitions(lengths)
    located = [replace(each, grid_zone=zone) for each, zone in zip(own.scenario.locations, zones, strict=True)]
    bare = replace(
        own.scenario,
        locations=tuple(located),
        partitions=partitions,
        slos=tuple(row for each in partitions for row in _levels(each, scored, levels, lengths)),
    )
    scenario = replace(bare, profiles=profiles_at(bare, own.tables, lengths))
    shards = _shards(scenario)

    def engines(variant: str) -> Mapping[str, EngineModel]:
        modes = scenario.modes
        return {each.name: engine_of_mode(own.tables[each.name], each, DEFAULT, variant) for each in modes}

    fleet = FleetModel(
        locations=scenario.locations,
        engines=engines(power_model),
        scored_by=Scoring(scored, levels, worst_tbt=False),
        machines=scenario.machines,
    )
    return OwnSite(scenario, fleet, lengths, power_model, shards, own.tables, engines)


def mode_name_of(mode: Mode) -> str:
    """What the policies call a mode.

    Raises:
        ScenarioError: it takes GPUs of several types.
    """
    if len(mode.gpus) != 1:
        raise ScenarioError(f"mode {mode.name!r} takes GPUs of {len(mode.gpus)} types, an engine has one")
    ((gpu_type, gpus),) = mode.gpus.items()
    return mode_name(gpu_type, gpus, mode.sm_clock_ceiling_mhz)


def scored_by(scenario: Scenario) -> tuple[Partition, tuple[ServiceLevel, ...]]:
    """The first partition with known boundaries and its service levels.

    Raises:
        ScenarioError: there is none.
    """
    for partition in scenario.partitions:
        levels = [each for each in scenario.slos if each.partition == partition.name]
        if partition.bounded and {each.request_class for each in levels} >= set(partition.classes):
            return partition, tuple(replace(each, model=DEFAULT, tier=DEFAULT) for each in _first_tier(levels))
    raise ScenarioError(f"{scenario.name}: no partition with known boundaries has service levels of all its classes")


def _first_tier(levels: Sequence[ServiceLevel]) -> list[ServiceLevel]:
    first: dict[str, ServiceLevel] = {}
    for each in levels:
        first.setdefault(each.request_class, each)
    return list(first.values())


def _levels(
    partition: Partition, scored: Partition, levels: Sequence[ServiceLevel], lengths: Sequence[RequestLength]
) -> Iterator[ServiceLevel]:
    promised = {each.request_class: each for each in levels}
    found: dict[str, list[ServiceLevel]] = {name: [] for name in partition.classes}
    for each in lengths:
        level = promised[scored.classify(each.prompt_tokens, each.answer_tokens)]
        found[partition.classify(each.prompt_tokens, each.answer_tokens)].append(level)
    for name, own in found.items():
        if own:
            yield ServiceLevel(
                partition.name, name, max(each.latency_s for each in own), max(each.ttft_s for each in own),
                max(each.tbt_s for each in own),
            )  # fmt: skip


def _shards(scenario: Scenario) -> dict[str, int]:
    """Of each GPU type the instance that serves most of all requests, GPU for GPU, at the highest clock."""
    served = {each.mode: each.capacity_rps for each in scenario.profiles if each.partition == ONE_CLASS.name}
    best: dict[str, tuple[float, int]] = {}
    for mode in scenario.modes:
        ((gpu_type, gpus),) = mode.gpus.items()
        if mode.sm_clock_ceiling_mhz is None and mode.name in served:
            best[gpu_type] = max(best.get(gpu_type, (0.0, 0)), (served[mode.name] / gpus, gpus))
    if not best:
        raise ScenarioError(f"{scenario.name}: no mode at its highest clock serves all requests within service levels")
    return {gpu_type: gpus for gpu_type, (_, gpus) in best.items()}


def _machines(locations: Sequence[Location]) -> Iterator[Machine]:
    """Each location as one machine a type."""
    for location in locations:
        for gpu_type, gpus in location.gpus.items():
            yield Machine(location.name, f"{location.name}-{gpu_type.lower()}", gpu_type, gpus)
