"""Synthetic fleets of any size from a seed: whole scenarios in memory, plausible in their proportions, invented."""

import dataclasses
import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from bench.seeded_hardware import GPU_TYPES, length_classes, length_partition, profiles, service_level, variants
from models.allocation.paper import meets
from models.domain.scenario import (
    ANY_ORIGIN,
    DEFAULT,
    CarbonPoint,
    Demand,
    Location,
    Machine,
    PricePoint,
    Running,
    Scenario,
)

QUANTILE = 1.15
"""Assumed: the high quantile of demand that capacity is for, over its mean."""
_PRESENT = 0.9
"""Share of all GPU types that a location has, on average."""
_RTT_S_PER_SIDE = 0.15
"""Assumed: round trip from one side of the map to the other, seconds; 10 ms more for the access."""


@dataclass(frozen=True)
class Size:
    """How large a fleet is.

    Attributes:
        locations: Data centres.
        classes: Classes of each partition, a square number: prompt x answer boundaries.
        modes: Modes over all GPU types, a multiple of `gpu_types`, at most 8 of each.
        gpu_types: GPU types, at most 8.
        partitions: Candidates for each model.
        steps: Steps of 5 minutes.
        origins: Where requests come from; 1 = one that every location serves at no distance.
        models: Models that share the stock.
        load: Share of what the whole stock can serve that demand asks for; plans take the better GPUs, so fewer.
        stock: How many times 8 to 64 GPUs of a type a location has.
        machine_gpus: GPUs of one machine; 0 = machines are not listed.
        running: Whether something runs already: random instances on about `load` of the stock.
    """

    locations: int
    classes: int = 16
    modes: int = 24
    gpu_types: int = 6
    partitions: int = 3
    steps: int = 6
    origins: int = 1
    models: int = 1
    load: float = 0.5
    stock: int = 1
    machine_gpus: int = 0
    running: bool = False


def seeded_fleet(seed: int, size: Size) -> Scenario:
    """A synthetic scenario; equal arguments give equal scenarios."""
    draw = random.Random(seed)
    sizes = {DEFAULT: 2.0} if size.models == 1 else {f"m{i}": draw.choice((0.5, 1, 2, 4)) for i in range(size.models)}
    origins = [ANY_ORIGIN] if size.origins == 1 else [f"o{i}" for i in range(size.origins)]
    kinds, side = variants(size.modes, size.gpu_types), math.isqrt(size.classes)
    cells = [(model, q, each) for model in sizes for q in range(size.partitions) for each in length_classes(q, side)]
    slots = [(f"n{n}", t) for n in range(size.locations) for t in range(size.steps)]
    scenario = Scenario(
        name=f"synthetic-{seed}",
        locations=tuple(_locations(draw, size, origins)),
        modes=tuple(each.mode for each in kinds),
        partitions=tuple(length_partition(q, side) for q in range(size.partitions)),
        profiles=tuple(row for a, q, each in cells for row in profiles(draw, kinds, each, f"q{q}", a, sizes[a])),
        slos=tuple(service_level(each, f"q{q}", a, sizes[a]) for a, q, each in cells),
        demand=(),
        carbon=tuple(_carbon(draw, size)),
        prices=tuple(PricePoint(*slot, round(draw.uniform(10, 150), 2)) for slot in slots),
        models=tuple(sizes),
        steps=size.steps,
    )
    shares = {(a, f"q{q}", each.name): each.share for a, q, each in cells}
    scenario = dataclasses.replace(
        scenario,
        demand=tuple(_demand(draw, scenario, shares, origins, size.load)),
        machines=tuple(_machines(scenario, size.machine_gpus)),
    )
    return dataclasses.replace(scenario, running=tuple(_running(draw, scenario, size)) if size.running else ())


def _locations(draw: random.Random, size: Size, origins: list[str]) -> Iterator[Location]:
    """Places on a unit square with most of the GPU types; of several origins, every fourth place allows half."""
    homes = {origin: (draw.random(), draw.random()) for origin in origins}
    types = GPU_TYPES[: size.gpu_types]
    for n in range(size.locations):
        here = (draw.random(), draw.random())
        stock = {
            each.name: size.stock * draw.choice((8, 16, 24, 32, 48, 64)) for each in types if draw.random() < _PRESENT
        }
        rtt_s = {origin: round(0.01 + _RTT_S_PER_SIDE * math.dist(here, home), 4) for origin, home in homes.items()}
        nearest = sorted(origins, key=rtt_s.__getitem__)[: len(origins) // 2]
        many = len(origins) > 1
        yield Location(
            f"n{n}",
            stock or {types[0].name: 16},
            pue=round(draw.uniform(1.05, 1.5), 2),
            rtt_s=rtt_s if many else {},
            allowed_origins=tuple(nearest) if many and n % 4 == 3 else None,
            parked_power_w={each.name: each.parked_w for each in types},
        )


def _carbon(draw: random.Random, size: Size) -> Iterator[CarbonPoint]:
    """Some clean grids, some dirty ones, drifting a little over the steps, g/kWh."""
    for n in range(size.locations):
        rate = math.exp(draw.uniform(math.log(20), math.log(750)))
        for t in range(size.steps):
            rate *= draw.uniform(0.97, 1.03)
            yield CarbonPoint(f"n{n}", t, round(rate, 2))


def _demand(
    draw: random.Random,
    scenario: Scenario,
    shares: Mapping[tuple[str, str, str], float],
    origins: list[str],
    load: float,
) -> Iterator[Demand]:
    """Every model gets a random part of the stock, every origin a random part of the model; waves over the steps."""
    parts, weights = _parts(draw, scenario.models), _parts(draw, origins)
    for model in scenario.models:
        first = {key[2]: share for key, share in shares.items() if key[:2] == (model, "q0")}
        total_rps = load * parts[model] * _fleet_rps(scenario, model, first)
        for origin in origins:
            wave = [draw.uniform(0.85, 1.0) for _ in range(scenario.steps)]
            for (_, partition, name), share in ((key, each) for key, each in shares.items() if key[0] == model):
                for step in range(scenario.steps):
                    rate = total_rps * weights[origin] * share * wave[step]
                    yield Demand(partition, name, step, rate, rate / QUANTILE, origin, model)


def _parts(draw: random.Random, names: tuple[str, ...] | list[str]) -> dict[str, float]:
    """Random parts of a whole, the largest a few times the least."""
    drawn = {name: draw.uniform(0.3, 1.0) for name in names}
    return {name: each / sum(drawn.values()) for name, each in drawn.items()}


def _fleet_rps(scenario: Scenario, model: str, shares: Mapping[str, float]) -> float:
    """Requests a second, classes by their shares, that the whole stock serves, every type in its best mode."""
    stock = Counter[str]()
    for location in scenario.locations:
        stock.update(location.gpus)
    levels = {each.request_class: each for each in scenario.slos if (each.model, each.partition) == (model, "q0")}
    best: dict[tuple[str, str], float] = {}
    for row in scenario.profiles:
        if (row.model, row.partition) == (model, "q0") and meets(row, levels[row.request_class]):
            ((kind, count),) = scenario.mode(row.mode).gpus.items()
            key = row.request_class, kind
            best[key] = max(best.get(key, 0.0), row.capacity_rps / count)
    alone = {name: sum(count * best.get((name, kind), 0.0) for kind, count in stock.items()) for name in shares}
    return 1.0 / sum(share / alone[name] for name, share in shares.items())


def _machines(scenario: Scenario, machine_gpus: int) -> Iterator[Machine]:
    for location in scenario.locations if machine_gpus else ():
        for kind, count in location.gpus.items():
            for i in range(count // machine_gpus):
                yield Machine(location.name, f"{location.name}-{kind}-{i}", kind, machine_gpus)


def _running(draw: random.Random, scenario: Scenario, size: Size) -> Iterator[Running]:
    """Instances of random modes and classes of the first partition, machine by machine while GPUs are left."""
    rows = [each for each in scenario.profiles if each.partition == "q0"]
    places = [(each.location, each.machine, each.gpu_type, each.gpus) for each in scenario.machines] or [
        (each.name, "all", kind, count) for each in scenario.locations for kind, count in each.gpus.items()
    ]
    taken: list[tuple[str, str, str, str, str]] = []
    for location, machine, kind, count in places:
        able = [row for row in rows if kind in scenario.mode(row.mode).gpus]
        left = round(count * size.load)
        while able and left > 0:
            row = draw.choice(able)
            gpus = scenario.mode(row.mode).gpus[kind]
            if gpus > left:
                break
            left -= gpus
            taken.append((location, machine, row.mode, row.request_class, row.model))
    for (location, machine, mode, name, model), same in groupby(sorted(taken)):
        yield Running(location, machine, mode, name, len(list(same)), "q0", model)
