"""Scenarios built in Python: a tiny one to be varied by hand, and random ones of any size, seeded."""

import dataclasses
import random
from collections.abc import Mapping, Sequence
from typing import Any

from freesh_plugin.core.request import TWO_BY_TWO, Partition
from models.domain.scenario import (
    CarbonPoint,
    Demand,
    Location,
    Mode,
    Objective,
    PricePoint,
    Profile,
    Scenario,
    ServiceLevel,
)


def tiny(
    *,
    demand_rps: Sequence[float] | Mapping[str, Sequence[float]] = (4.0,),
    carbon: Mapping[str, Sequence[float]] | None = None,
    gpus: Mapping[str, int] | None = None,
    capacity_rps: float = 2.0,
    idle_power_w: float = 300.0,
    full_power_w: float = 800.0,
    parked_w: float = 50.0,
    **changes: Any,  # fields of many types
) -> Scenario:
    """One class, one mode of 2 GPUs, locations `here` and `there` with 4 GPUs each, steps as demand has.

    Demand is per step, or by origin and step; carbon 100 g/kWh `here` and 200 `there` by default; `gpus` by location;
    `parked_w` of one GPU. What else is given replaces fields of the scenario at the end.
    """
    by_origin = demand_rps if isinstance(demand_rps, Mapping) else {"any": demand_rps}
    steps, gpus = len(next(iter(by_origin.values()))), gpus or {"here": 4, "there": 4}
    carbon = carbon or {"here": [100.0] * steps, "there": [200.0] * steps}
    scenario = Scenario(
        name="tiny",
        locations=tuple(Location(n, {"G": count}, parked_power_w={"G": parked_w}) for n, count in gpus.items()),
        modes=(Mode("TP2", {"G": 2}),),
        partitions=(Partition("q", ("R",), (), ()),),
        profiles=(Profile("q", "R", "TP2", capacity_rps, full_power_w, 2.0, 0.2, 0.05, idle_power_w),),
        slos=(ServiceLevel("q", "R", 10.0, 0.5, 0.1),),
        demand=tuple(
            Demand("q", "R", step, rate, origin=origin)
            for origin, rates in by_origin.items()
            for step, rate in enumerate(rates)
        ),
        carbon=tuple(CarbonPoint(n, t, carbon[n][t]) for n in gpus for t in range(steps)),
        steps=steps,
        objective=Objective.only("carbon"),
    )
    return dataclasses.replace(scenario, **changes)


def location(scenario: Scenario, name: str, **changes: Any) -> Scenario:
    """The scenario with one location changed."""
    locations = (dataclasses.replace(each, **changes) if each.name == name else each for each in scenario.locations)
    return dataclasses.replace(scenario, locations=tuple(locations))


PER_GPU_RPS = {"SS": 6.0, "SL": 0.7, "LS": 3.0, "LL": 0.5}
"""Invented: what a GPU serves of each class, req/s."""


def _invented_profiles(draw: random.Random, sizes: Mapping[str, int]) -> list[Profile]:
    profiles = []
    for name, mode in ((r, m) for r in TWO_BY_TWO for m in sizes):
        power_w = sizes[mode] * draw.uniform(280, 400)
        profiles.append(
            Profile(
                "q", name, mode, PER_GPU_RPS[name] * sizes[mode] * draw.uniform(0.6, 1.4), power_w,
                5.0, 0.2, 0.05, power_w * draw.uniform(0.25, 0.4),
            )
        )  # fmt: skip
    return profiles


def random_fleet(seed: int, *, locations: int, modes: int, steps: int = 6, load: float = 0.5) -> Scenario:
    """A fleet of any size with four classes; capacities and watts like those of measured modes, but invented.

    All that is drawn comes from the seed; `load` is the share of the GPUs that demand needs, roughly.
    """
    draw = random.Random(seed)
    sizes = {f"M{m}": 2 ** (1 + m % 3) for m in range(modes)}
    kinds = {f"M{m}": f"G{m // 3}" for m in range(modes)}
    names = [f"n{n}" for n in range(locations)]
    types = sorted(set(kinds.values()))
    gpus = {name: {kind: draw.choice((8, 16, 24)) for kind in types} for name in names}
    total = sum(count for here in gpus.values() for count in here.values())
    profiles = _invented_profiles(draw, sizes)
    return Scenario(
        name=f"random-{seed}",
        locations=tuple(
            Location(n, here, pue=draw.uniform(1, 1.4), parked_power_w=dict.fromkeys(types, 50.0))
            for n, here in gpus.items()
        ),
        modes=tuple(Mode(mode, {kinds[mode]: size}) for mode, size in sizes.items()),
        partitions=(Partition("q", TWO_BY_TWO, (500,), (400,)),),
        profiles=tuple(profiles),
        slos=tuple(ServiceLevel("q", r, 60.0, 1.0, 0.2) for r in TWO_BY_TWO),
        demand=tuple(
            Demand("q", r, t, PER_GPU_RPS[r] * total * load / 4 * draw.uniform(0.7, 1.0))
            for r in TWO_BY_TWO
            for t in range(steps)
        ),
        carbon=tuple(CarbonPoint(n, t, draw.uniform(20, 700)) for n in names for t in range(steps)),
        prices=tuple(PricePoint(n, t, draw.uniform(10, 150)) for n in names for t in range(steps)),
        steps=steps,
    )
