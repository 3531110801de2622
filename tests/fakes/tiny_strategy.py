"""Hypothesis strategy of scenarios small enough to enumerate: up to 2 locations, 2 classes, 2 modes, 2 steps."""

import dataclasses

from hypothesis import strategies as st

from freesh_plugin.core.request import Partition
from models.domain.scenario import CarbonPoint, Demand, Location, Mode, Profile, Scenario, ServiceLevel
from tests.fakes.fleet_scenarios import tiny

rates = st.integers(0, 24).map(lambda each: each / 4)
capacities = st.sampled_from([0.0, 0.5, 1.0, 1.75, 3.0])
watts = st.integers(2, 12).map(lambda each: each * 100.0)
carbons = st.integers(-200, 800).map(float)


@st.composite
def tiny_scenarios(draw: st.DrawFn, *, carbon: st.SearchStrategy[float] = carbons) -> Scenario:
    """A whole, consistent scenario of partition q with one origin, which may be infeasible."""
    names = ("n0", "n1")[: draw(st.integers(1, 2))]
    classes = ("R", "S")[: draw(st.integers(1, 2))]
    modes = (("small", 1), ("large", 2))[: draw(st.integers(1, 2))]
    steps = draw(st.integers(1, 2))
    profiles = []
    for name in classes:
        for mode, _ in modes:
            full = draw(watts)
            idle = draw(st.floats(0.0, 1.0)) * full
            latency = draw(st.sampled_from([1.0, 3.0]))
            profiles.append(Profile("q", name, mode, draw(capacities), full, latency, 0.2, 0.05, idle))
    locations = tuple(
        Location(
            n,
            {"G": draw(st.integers(0, 4))},
            pue=draw(st.sampled_from([1.0, 1.3])),
            rtt_s={"any": draw(st.sampled_from([0.0, 0.05]))},
            parked_power_w={"G": 50.0},
            host_power_w=draw(st.sampled_from([0.0, 200.0])),
        )
        for n in names
    )
    means = draw(st.sampled_from([None, 0.5]))
    asked = {(name, t): draw(rates) for name in classes for t in range(steps)}
    return dataclasses.replace(
        tiny(),
        locations=locations,
        modes=tuple(Mode(mode, {"G": size}) for mode, size in modes),
        partitions=(Partition("q", classes, (), (100,) if len(classes) == 2 else ()),),
        profiles=tuple(profiles),
        slos=tuple(ServiceLevel("q", name, draw(st.sampled_from([2.0, 3.04, 9.0])), 0.5, 0.1) for name in classes),
        demand=tuple(
            Demand("q", name, t, rate, None if means is None else means * rate) for (name, t), rate in asked.items()
        ),
        carbon=tuple(CarbonPoint(n, t, draw(carbon)) for n in names for t in range(steps)),
        steps=steps,
        demand_margin=draw(st.sampled_from([1.0, 1.1])),
    )


@st.composite
def two_models(draw: st.DrawFn) -> Scenario:
    """Two models of one class on up to five GPUs of one location, each with one or two partitions, all servable."""
    partitions = tuple(Partition(name, ("R",), (), ()) for name in ("p", "q"))
    chosen = [("a", "p"), ("b", "q"), *draw(st.sets(st.sampled_from([("a", "q"), ("b", "p")])))]
    profiles = [
        Profile(q, "R", mode, capacity_rps, size * draw(watts), 1.0, 0.2, 0.05, 60.0, a)
        for a, q in sorted(chosen)
        for mode, size in (("small", 1), ("large", 2))
        for capacity_rps in [size * draw(st.sampled_from([0.5, 1.0, 1.75]))]
    ]
    return dataclasses.replace(
        tiny(),
        locations=(Location("n0", {"G": draw(st.integers(2, 5))}, parked_power_w={"G": 50.0}),),
        modes=(Mode("small", {"G": 1}), Mode("large", {"G": 2})),
        partitions=partitions,
        profiles=tuple(profiles),
        slos=tuple(ServiceLevel(q, "R", 2.0, 0.5, 0.1, a) for a, q in sorted(chosen)),
        demand=tuple(Demand(q, "R", t, draw(rates), model=a) for a, q in sorted(chosen) for t in range(2)),
        carbon=tuple(CarbonPoint("n0", t, draw(carbons)) for t in range(2)),
        models=("a", "b"),
        steps=2,
    )
