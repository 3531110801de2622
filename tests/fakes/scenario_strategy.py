"""Hypothesis strategy of whole, consistent scenarios: odd names, any finite number, optional parts in or out."""

from hypothesis import strategies as st

from freesh_plugin.core.request import TWO_BY_TWO, Partition
from models.domain.scenario import (
    IDLE_FRACTION,
    PARKED_POWER_W,
    CarbonPoint,
    CarbonSignal,
    Demand,
    Endpoint,
    Location,
    Machine,
    Mode,
    Objective,
    PricePoint,
    Profile,
    Running,
    Scenario,
    ServiceLevel,
    Survive,
    Tier,
)

names = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
amounts = st.floats(min_value=0, max_value=1e12)
positive = st.floats(min_value=1e-9, max_value=1e12)
signed = st.floats(min_value=-1e6, max_value=1e6)


def _distinct(most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(names, min_size=1, max_size=most, unique=True)


@st.composite
def _partitions(draw: st.DrawFn) -> Partition:
    name = draw(names)
    if draw(st.booleans()):
        return Partition(name, TWO_BY_TWO, draw(st.sampled_from([None, (1000,)])), (444,))
    prompt = tuple(sorted(draw(st.sets(st.integers(1, 10**6), max_size=2))))
    answer = tuple(sorted(draw(st.sets(st.integers(1, 10**6), max_size=1))))
    size = (len(prompt) + 1) * (len(answer) + 1)
    classes = draw(st.lists(names, min_size=size, max_size=size, unique=True))
    return Partition(name, tuple(f"{each}-c" for each in classes), prompt, answer)


@st.composite
def _locations(draw: st.DrawFn, name: str) -> Location:
    return Location(
        name=name,
        gpus=draw(st.dictionaries(names, st.integers(0, 10**6), max_size=2)),
        pue=draw(st.floats(min_value=1, max_value=3)),
        grid_zone=draw(st.none() | names),
        price_zone=draw(st.none() | names),
        rtt_s=draw(st.dictionaries(names, amounts, max_size=2)),
        power_cap_w=draw(st.none() | amounts),
        max_share=draw(st.floats(min_value=1e-6, max_value=1)),
        parked_power_w={**PARKED_POWER_W, **draw(st.dictionaries(names, amounts, max_size=2))},
        host_power_w=draw(amounts),
    )


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """A scenario that the loader must accept."""
    locations = tuple(draw(_locations(name)) for name in draw(_distinct(2)))
    modes = tuple(
        Mode(name, draw(st.dictionaries(names, st.integers(1, 16), min_size=1, max_size=2)), None, draw(amounts))
        for name in draw(_distinct(2))
    )
    partition = draw(_partitions())
    models, tiers = (
        tuple(draw(_distinct(2))),
        tuple(Tier(name, draw(positive), draw(st.booleans())) for name in draw(_distinct(2))),
    )
    steps = draw(st.integers(1, 3))
    origin = draw(names)
    slots = [(location.name, step) for location in locations for step in range(steps)]
    return Scenario(
        name=draw(names),
        locations=locations,
        modes=modes,
        partitions=(partition,),
        profiles=tuple(draw(_profiles(partition.name, c, modes[0].name, m)) for m in models for c in partition.classes),
        slos=tuple(
            ServiceLevel(partition.name, c, draw(positive), draw(positive), draw(positive), m, tier.name)
            for m in models
            for c in partition.classes
            for tier in tiers
        ),
        demand=tuple(
            Demand(partition.name, c, s, draw(amounts), draw(st.none() | amounts), origin, m, tiers[-1].name)
            for m in models
            for c in partition.classes
            for s in range(steps)
        ),
        carbon=tuple(CarbonPoint(*slot, draw(signed)) for slot in slots),
        prices=tuple(PricePoint(*slot, draw(signed)) for slot in slots) if draw(st.booleans()) else (),
        machines=tuple(Machine(locations[0].name, "m", t, gpus, None, 1) for t, gpus in locations[0].gpus.items()),
        running=tuple(
            Running(locations[-1].name, "m", modes[-1].name, partition.classes[0], 2, None, m)
            for m in models
            if len(locations) > 1
        ),
        models=models,
        tiers=tiers,
        endpoints=(Endpoint("e", "node", locations[0].name, "https://[::1]:8470/x", draw(st.none() | names)),),
        step_s=draw(st.integers(1, 86_400)),
        steps=steps,
        objective=draw(
            st.sampled_from(["carbon", "energy"]).map(Objective.only)
            | st.builds(Objective, carbon=positive, energy=amounts)
        ),
        demand_margin=draw(positive),
        carbon_signal=CarbonSignal("marginal", "lifecycle", draw(st.sampled_from(["gco2e_per_kwh", "as given"]))),
        survive=draw(st.sampled_from(Survive)),
        max_changes_per_location=draw(st.none() | st.integers(0, 100)),
    )


@st.composite
def _profiles(draw: st.DrawFn, partition: str, request_class: str, mode: str, model: str) -> Profile:
    full_power_w = draw(positive)
    assumed, capacity_rps = draw(st.booleans()), draw(amounts)
    loads = sorted(draw(st.sets(st.floats(1e-6, 1, exclude_max=True), max_size=3))) if capacity_rps else []
    levels = [(load, draw(positive)) for load in loads] + [(1.0, full_power_w)]
    return Profile(
        partition=partition,
        request_class=request_class,
        mode=mode,
        capacity_rps=capacity_rps,
        full_power_w=full_power_w,
        latency_s=draw(positive),
        ttft_s=draw(positive),
        tbt_s=draw(positive),
        idle_power_w=IDLE_FRACTION * full_power_w if assumed else draw(st.floats(0, full_power_w)),
        model=model,
        idle_assumed=assumed,
        power_levels=tuple(levels) if loads else (),
        modelled=draw(st.booleans()),
    )
