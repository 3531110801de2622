"""Rules that span the files of a scenario: which rows must be there, and what must agree with what."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from freesh_plugin.core.errors import ScenarioError
from models.domain.scenario import Scenario
from models.sources.scenario.tables import demand_series


def check_fleet(scenario: Scenario) -> None:
    """Check all but demand and carbon.

    Raises:
        ScenarioError: the first rule that is broken, with the file and the row that is missing or wrong.
    """
    _raise_first((_prices, _profiles, _slos, _machines), scenario)


def check_series(scenario: Scenario) -> None:
    """Check that demand, carbon and needed prices are known for every step: a missing row is unknown, not zero.

    Raises:
        ScenarioError: the first row that is missing.
    """
    _raise_first((_demand_classes, _demand_steps, _carbon, _prices_there), scenario)


def _raise_first(rules: Iterable[Callable[[Scenario], Iterator[str]]], scenario: Scenario) -> None:
    for rule in rules:
        for fault in rule(scenario):
            raise ScenarioError(fault)


def _profiles(scenario: Scenario) -> Iterator[str]:
    """Every partition is profiled for some model, every model in some partition, and then for every class."""
    known = {(each.model, each.partition, each.request_class) for each in scenario.profiles}
    pairs = _profiled(scenario)
    for model in scenario.models:
        if model not in {each for each, _ in pairs}:
            yield f"profiles.csv: no row for model {model!r}"
    for partition in scenario.partitions:
        if partition.name not in {each for _, each in pairs}:
            why = "" if partition.bounded else ", whose boundaries are unknown, so that none can be derived"
            yield f"profiles.csv: no row for partition {partition.name!r}{why}"
    for model, partition_name in pairs:
        for name in scenario.partition(partition_name).classes:
            if (model, partition_name, name) not in known:
                yield (
                    f"profiles.csv: no row for model {model!r}, partition {partition_name!r}, class {name!r};"
                    " state capacity_rps 0 where no mode can serve it"
                )


def _slos(scenario: Scenario) -> Iterator[str]:
    """Every class that is profiled has its bounds in every tier."""
    known = {(each.model, each.partition, each.request_class, each.tier) for each in scenario.slos}
    for model, partition in _profiled(scenario):
        for name in scenario.partition(partition).classes:
            for tier in scenario.tiers:
                if (model, partition, name, tier.name) not in known:
                    yield (
                        f"slo.csv: no row for partition {partition!r}, class {name!r}, model {model!r},"
                        f" tier {tier.name!r}"
                    )


def _demand_classes(scenario: Scenario) -> Iterator[str]:
    """Every class that is profiled has demand, be it 0."""
    known = {(each.model, each.partition, each.request_class) for each in scenario.demand}
    for model, partition in _profiled(scenario):
        for name in scenario.partition(partition).classes:
            if (model, partition, name) not in known:
                yield f"demand.csv: no row for partition {partition!r}, class {name!r}, model {model!r}"


def _demand_steps(scenario: Scenario) -> Iterator[str]:
    """A series of demand has all steps."""
    steps: dict[tuple[str, ...], set[int]] = {}
    for row in scenario.demand:
        steps.setdefault(demand_series(row), set()).add(row.step)
    for (model, partition, name, origin, tier), present in steps.items():
        for step in _missing(present, scenario.steps):
            yield (
                f"demand.csv: no row for step {step} of partition {partition!r}, class {name!r}, origin {origin!r},"
                f" model {model!r}, tier {tier!r}; steps are 0 to {scenario.steps - 1}"
            )


def _carbon(scenario: Scenario) -> Iterator[str]:
    """Carbon is known at every location in every step."""
    present = [(each.location, each.step) for each in scenario.carbon]
    yield from _location_steps("carbon.csv", scenario, present)


def _prices(scenario: Scenario) -> Iterator[str]:
    """Prices are known at every location in every step, if at all."""
    if scenario.prices:
        yield from _location_steps("prices.csv", scenario, [(each.location, each.step) for each in scenario.prices])


def _prices_there(scenario: Scenario) -> Iterator[str]:
    """Prices are there when cost is minimised; a fleet gets them from a source of prices."""
    if scenario.objective.needs_prices and not scenario.prices:
        yield f"scenario.yaml, objective: {scenario.objective.name!r} needs prices.csv, and there is none"


def _location_steps(file: str, scenario: Scenario, present: Iterable[tuple[str, int]]) -> Iterator[str]:
    steps: dict[str, set[int]] = {each.name: set() for each in scenario.locations}
    for location, step in present:
        steps[location].add(step)
    for location, found in steps.items():
        for step in _missing(found, scenario.steps):
            yield f"{file}: no row for location {location!r}, step {step}; steps are 0 to {scenario.steps - 1}"


def _machines(scenario: Scenario) -> Iterator[str]:
    """Machines of a location have its GPUs, type by type; a location without rows is one machine."""
    placed = Counter[tuple[str, str]]()
    for row in scenario.machines:
        placed[row.location, row.gpu_type] += row.gpus
    for location in scenario.locations:
        if not any(each.location == location.name for each in scenario.machines):
            continue
        for gpu_type, gpus in location.gpus.items():
            if placed[location.name, gpu_type] != gpus:
                yield (
                    f"machines.csv: machines of location {location.name!r} have {placed[location.name, gpu_type]}"
                    f" {gpu_type} GPUs in all, scenario.yaml states {gpus}"
                )


def _profiled(scenario: Scenario) -> list[tuple[str, str]]:
    """Pairs (model, partition) that have profiles, in the order of the file."""
    return list(dict.fromkeys((each.model, each.partition) for each in scenario.profiles))


def _missing(present: set[int], steps: int) -> Iterator[int]:
    return (step for step in range(steps) if step not in present)
