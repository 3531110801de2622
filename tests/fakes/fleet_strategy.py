"""Hypothesis strategy of small fleets with all that a scenario may ask: models, tiers, losses, windows, limits."""

import dataclasses
from collections.abc import Sequence

from hypothesis import strategies as st

from freesh_plugin.core.request import Partition
from models.domain.scenario import (
    CarbonPoint,
    Demand,
    Location,
    Machine,
    Mode,
    Profile,
    Running,
    Scenario,
    ServiceLevel,
    Survive,
    Tier,
)
from tests.fakes.fleet_scenarios import tiny

PARTITIONS = (
    Partition("p0", ("R",), (), ()),
    Partition("p1", ("R", "S"), (), (100,)),
    Partition("p2", ("S", "R"), (), (300,)),
)
SHAPES = (
    # (capacity_rps, full_power_w, latency_s, idle_power_w) of one instance
    (0.0, 300.0, 1.0, 90.0),
    (1.0, 300.0, 1.0, 90.0),
    (1.0, 500.0, 1.0, 20.0),
    (1.75, 400.0, 3.0, 400.0),
    (2.0, 900.0, 1.0, 300.0),
    (3.0, 700.0, 3.0, 150.0),
)
CURVES = ((), (), ((0.5, 0.85), (1.0, 1.0)), ((0.25, 0.4), (0.5, 0.45), (1.0, 1.0)))
"""Power by load, as shares of full power: affine, early to rise, late to rise."""
RATES = (0.0, 0.5, 1.0, 1.75, 3.0, 4.5)
CARBONS = (-150.0, 0.0, 20.0, 100.0, 130.0, 600.0)


@st.composite
def fleets(
    draw: st.DrawFn,
    *,
    most_models: int = 3,
    losses: Sequence[Survive] = tuple(Survive),
    limits: bool = True,
    running: bool = True,
    bent: bool = True,
    windows: bool = True,
    carbon: Sequence[float] = CARBONS,
) -> Scenario:
    """A whole, consistent scenario, which may ask for more than there is.

    Args:
        draw: By hypothesis.
        most_models: Models are `a`, `b`, `c`, the first so many at most.
        losses: What capacity may have to outlive.
        limits: Power caps, shares and limits of changes among what is drawn.
        running: Instances run now, perhaps.
        bent: Power over load need not be affine.
        windows: Machines may come late or go early.
        carbon: Intensities to draw from, g/kWh.
    """
    models = ("a", "b", "c")[: draw(st.integers(1, most_models))]
    kinds = ("G", "H")[: draw(st.integers(1, 2))]
    steps, origins = draw(st.integers(1, 3)), ("any", "eu")[: draw(st.integers(1, 2))]
    tiers = (Tier("gold", 4.0), Tier("bulk", 1.0, protected=draw(st.booleans())))[: draw(st.integers(1, 2))]
    modes = _modes(draw, kinds, steps)
    chosen = {a: draw(st.lists(st.sampled_from(PARTITIONS), min_size=1, max_size=2, unique=True)) for a in models}
    machines, locations = _places(draw, kinds, steps if windows else 1, limits)
    bare = dataclasses.replace(
        tiny(),
        name="fleet",
        locations=locations,
        modes=modes,
        partitions=tuple(each for each in PARTITIONS if any(each in names for names in chosen.values())),
        models=models,
        tiers=tiers,
        machines=machines,
        steps=steps,
        demand_margin=draw(st.sampled_from([1.0, 1.1])),
        survive=draw(st.sampled_from(list(losses))),
        max_changes_per_location=draw(st.sampled_from([None, None, 0, 2])) if limits else None,
        carbon=tuple(CarbonPoint(n.name, t, draw(st.sampled_from(carbon))) for n in locations for t in range(steps)),
    )
    labels = [(a, q, r) for a in models for q in chosen[a] for r in q.classes]
    return dataclasses.replace(
        bare,
        profiles=tuple(_profile(draw, a, q.name, r, m.name, bent) for a, q, r in labels for m in modes),
        slos=tuple(
            ServiceLevel(q.name, r, draw(st.sampled_from([2.0, 3.02, 9.0])), 0.5, 0.1, a, k.name)
            for a, q, r in labels
            for k in tiers
        ),
        demand=_demand(draw, labels, steps, origins, tiers),
        running=_running(draw, bare, labels) if running else (),
    )


def _modes(draw: st.DrawFn, kinds: Sequence[str], steps: int) -> tuple[Mode, ...]:
    """One to three: small, large, and one that differs from the first by its clock alone, or takes the other GPUs."""
    other = Mode("h1", {"H": 1}) if "H" in kinds else Mode("g1slow", {"G": 1}, 900)
    found = (Mode("g1", {"G": 1}), Mode("g2", {"G": 2}), other)[: draw(st.integers(1, 3))]
    startups_s = st.sampled_from([0.0, 0.0, 300.0] if steps > 1 else [0.0])
    # By hardware: of what has the same GPUs, the dearest start counts.
    energies_j = {each.hardware: draw(st.sampled_from([0.0, 60_000.0])) for each in found}
    return tuple(
        dataclasses.replace(each, startup_s=draw(startups_s), startup_energy_j=energies_j[each.hardware])
        for each in found
    )


def _places(
    draw: st.DrawFn, kinds: Sequence[str], steps: int, limits: bool
) -> tuple[tuple[Machine, ...], tuple[Location, ...]]:
    machines: list[Machine] = []
    locations = []
    for name in ("n0", "n1", "n2")[: draw(st.integers(1, 3))]:
        here = _machines(draw, name, kinds, steps)
        if draw(st.booleans()):
            machines += here
        gpus = {kind: sum(each.gpus for each in here if each.gpu_type == kind) for kind in kinds}
        host_w, parked_w = draw(st.sampled_from([0.0, 100.0])), dict.fromkeys(kinds, draw(st.sampled_from([0.0, 50.0])))
        most_w = sum(parked_w[kind] * count for kind, count in gpus.items()) + host_w * len(here)
        pue = draw(st.sampled_from([1.0, 1.3]))
        spare_w = draw(st.sampled_from([None, None, 0.0, 350.0, 800.0])) if limits else None
        locations.append(
            Location(
                name,
                gpus,
                pue=pue,
                rtt_s={"eu": 0.03},
                allowed_origins=draw(st.sampled_from([None, None, ("any",), ("eu",)])),
                power_cap_w=None if spare_w is None else pue * (most_w + spare_w),
                max_share=draw(st.sampled_from([1.0, 1.0, 0.5])) if limits else 1.0,
                parked_power_w=parked_w,
                host_power_w=host_w,
            )
        )
    return tuple(machines), tuple(locations)


def _machines(draw: st.DrawFn, location: str, kinds: Sequence[str], steps: int) -> list[Machine]:
    """One to three machines; where there are several steps, any may come late or go early."""
    rows = []
    for machine in ("m0", "m1", "m2")[: draw(st.integers(1, 3))]:
        window = (
            draw(st.sampled_from([(None, None), (None, None), (1, None), (None, 1)])) if steps > 1 else (None, None)
        )
        rows += [Machine(location, machine, kind, draw(st.integers(0, 2)), *window) for kind in kinds]
    return rows


def _profile(draw: st.DrawFn, model: str, partition: str, request_class: str, mode: str, bent: bool) -> Profile:
    capacity_rps, full_w, latency_s, idle_w = draw(st.sampled_from(SHAPES))
    curve = draw(st.sampled_from(CURVES)) if bent and capacity_rps else ()
    levels = tuple((load, max(share * full_w, idle_w)) for load, share in curve)
    return Profile(
        partition, request_class, mode, capacity_rps, full_w, latency_s, 0.2, 0.05, idle_w, model, power_levels=levels
    )


def _demand(
    draw: st.DrawFn,
    labels: Sequence[tuple[str, Partition, str]],
    steps: int,
    origins: Sequence[str],
    tiers: Sequence[Tier],
) -> tuple[Demand, ...]:
    """The first origin and tier always; others perhaps."""
    mean = draw(st.sampled_from([None, 0.5]))
    rows = []
    for a, q, r in labels:
        for origin in origins:
            for tier in tiers:
                if (origin, tier) == (origins[0], tiers[0]) or draw(st.booleans()):
                    rates = [draw(st.sampled_from(RATES)) for _ in range(steps)]
                    rows += [
                        Demand(q.name, r, t, rate, None if mean is None else mean * rate, origin, a, tier.name)
                        for t, rate in enumerate(rates)
                    ]
    return tuple(rows)


def _running(draw: st.DrawFn, scenario: Scenario, labels: Sequence[tuple[str, Partition, str]]) -> tuple[Running, ...]:
    spots = sorted({(each.location, each.machine) for each in scenario.machines})
    spots += [(each.name, each.name) for each in scenario.locations if each.name not in {n for n, _ in spots}]
    rows: dict[object, Running] = {}
    for _ in range(draw(st.integers(0, 3))):
        (location, machine), (a, q, r) = draw(st.sampled_from(spots)), draw(st.sampled_from(list(labels)))
        mode, partition = draw(st.sampled_from(scenario.modes)).name, draw(st.sampled_from([q.name, q.name, None]))
        row = Running(location, machine, mode, r, draw(st.integers(1, 2)), partition, a)
        rows[location, machine, mode, r, partition, a] = row
    return tuple(rows.values())
