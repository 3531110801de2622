"""Packing: every instance on one machine, never more GPUs than there are, and as few changes as possible."""

from collections import Counter
from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from models.allocation.machines import machine_gpus
from models.allocation.pack import Packing, Placed, pack
from models.domain.allocation import InstanceCount
from models.domain.scenario import Location, Machine, Mode, Running, Scenario

SIZES = {"TP1": 1, "TP2": 2, "TP4": 4, "TP8": 8}


def site(machines: dict[str, int], running: list[tuple[str, str, str, int]] | None = None, steps: int = 6) -> Scenario:
    """One location of A100 machines, with (machine, mode, class, instances) running."""
    return Scenario(
        name="pack",
        locations=(Location("loc1", {"A100": sum(machines.values())}),),
        modes=tuple(Mode(name, {"A100": gpus}) for name, gpus in SIZES.items()),
        partitions=(),
        profiles=(),
        slos=(),
        demand=(),
        carbon=(),
        machines=tuple(Machine("loc1", name, "A100", gpus) for name, gpus in machines.items()),
        running=tuple(Running("loc1", *each) for each in running or []),
        steps=steps,
    )


def want(*pools: tuple[str, str, int]) -> list[InstanceCount]:
    return [InstanceCount("loc1", "default", request_class, mode, count) for mode, request_class, count in pools]


def at(packing: Packing) -> dict[tuple[str, str, str], int]:
    return {(each.machine, each.mode, each.request_class): each.instances for each in packing.slices}


def test_without_machines_a_location_is_one_machine() -> None:
    scenario = Scenario("one", (Location("loc1", {"A100": 4}),), (Mode("TP2", {"A100": 2}),), (), (), (), (), ())
    assert pack(scenario, want(("TP2", "SS", 2))) == Packing((Placed("loc1", "loc1", "default", "SS", "TP2", 2),), ())


def test_an_instance_does_not_span_machines() -> None:
    packing = pack(site({"m1": 4, "m2": 4}), want(("TP8", "SS", 1)))
    assert packing.slices == ()
    assert packing.unpacked == (InstanceCount("loc1", "default", "SS", "TP8", 1),)


def test_what_runs_stays_although_another_machine_fits_better() -> None:
    scenario = site({"m1": 8, "m2": 2}, [("m1", "TP2", "SS", 1)])
    assert at(pack(scenario, want(("TP2", "SS", 1)))) == {("m1", "TP2", "SS"): 1}


def test_a_start_takes_the_machine_with_least_left_over() -> None:
    scenario = site({"m1": 8, "m2": 2})
    assert at(pack(scenario, want(("TP2", "SS", 1)))) == {("m2", "TP2", "SS"): 1}


def test_a_start_prefers_gpus_that_are_free_now() -> None:
    # m1 would fit exactly once its TP4 has gone; m2 fits at once, so nobody needs to wait for a stop.
    scenario = site({"m1": 4, "m2": 8}, [("m1", "TP4", "SS", 1)])
    assert at(pack(scenario, want(("TP2", "SS", 2)))) == {("m2", "TP2", "SS"): 2}


def test_surplus_goes_from_the_emptiest_machine() -> None:
    scenario = site({"m1": 8, "m2": 8}, [("m1", "TP2", "SS", 3), ("m2", "TP2", "SS", 1)])
    assert at(pack(scenario, want(("TP2", "SS", 3)))) == {("m1", "TP2", "SS"): 3}


def test_surplus_goes_by_label_before_machine() -> None:
    # m2 is emptier, but its LL is still wanted: dropping it would re-label one on m1.
    scenario = site({"m1": 8, "m2": 8}, [("m1", "TP2", "SS", 2), ("m2", "TP2", "LL", 1)])
    assert at(pack(scenario, want(("TP2", "SS", 1), ("TP2", "LL", 1)))) == {
        ("m1", "TP2", "SS"): 1,
        ("m2", "TP2", "LL"): 1,
    }


def test_a_class_changes_by_label_on_the_same_hardware() -> None:
    scenario = site({"m1": 4}, [("m1", "TP2", "SS", 2)])
    assert at(pack(scenario, want(("TP2", "SS", 1), ("TP2", "LL", 1)))) == {
        ("m1", "TP2", "SS"): 1,
        ("m1", "TP2", "LL"): 1,
    }


def test_a_start_that_fits_nowhere_moves_the_fewest_gpus() -> None:
    scenario = site(
        {"m1": 8, "m2": 8, "m3": 8}, [("m1", "TP4", "SS", 1), ("m2", "TP2", "SS", 1), ("m3", "TP4", "SS", 1)]
    )
    packing = pack(scenario, want(("TP4", "SS", 2), ("TP2", "SS", 1), ("TP8", "LL", 1)))
    assert packing.unpacked == ()
    assert at(packing) == {
        ("m1", "TP4", "SS"): 1,
        ("m1", "TP2", "SS"): 1,
        ("m2", "TP8", "LL"): 1,
        ("m3", "TP4", "SS"): 1,
    }


def test_a_machine_that_is_away_for_a_part_of_the_horizon_hosts_nothing() -> None:
    scenario = site({"m1": 4})
    for window in ((1, None), (None, 5), (2, 4)):
        away = replace(scenario, machines=(Machine("loc1", "m1", "A100", 4, *window),))
        assert pack(away, want(("TP2", "SS", 1))).slices == ()
    whole = replace(scenario, machines=(Machine("loc1", "m1", "A100", 4, 0, 6),))
    assert pack(whole, want(("TP2", "SS", 1))).unpacked == ()


def test_a_machine_holds_several_gpu_types() -> None:
    scenario = Scenario(
        "types",
        (Location("loc1", {"A100": 4, "H100": 4}),),
        (Mode("A", {"A100": 4}), Mode("H", {"H100": 4})),
        (),
        (),
        (),
        (),
        (),
        machines=(Machine("loc1", "m1", "A100", 4), Machine("loc1", "m1", "H100", 4)),
    )
    assert machine_gpus(scenario) == {"loc1": {"m1": {"A100": 4, "H100": 4}}}
    assert pack(scenario, want(("A", "SS", 1), ("H", "SS", 1))).unpacked == ()


def test_exact_search_finds_what_best_fit_misses() -> None:
    # Best fit puts 5 into the 6 first; only 6 = 3 + 3 and 5 = 5 hold them all.
    sizes = {"G3": 3, "G5": 5}
    scenario = replace(
        site({"a": 5, "b": 6}, [("b", "G5", "SS", 1)]),
        modes=tuple(Mode(name, {"A100": gpus}) for name, gpus in sizes.items()),
    )
    packing = pack(scenario, want(("G5", "SS", 1), ("G3", "SS", 2)))
    assert at(packing) == {("a", "G5", "SS"): 1, ("b", "G3", "SS"): 2}
    assert packing.unpacked == ()


def test_a_hopeless_packing_of_a_large_location_ends() -> None:
    # 40 machines of 8 hold 40 instances of 5 GPUs; the 41st has GPUs enough in total but no machine.
    scenario = replace(site({f"m{i:02}": 8 for i in range(40)}), modes=(Mode("G5", {"A100": 5}),))
    packing = pack(scenario, want(("G5", "SS", 41)))
    assert sum(each.instances for each in packing.slices) == 40
    assert packing.unpacked == (InstanceCount("loc1", "default", "SS", "G5", 1),)


counts = st.lists(st.tuples(st.sampled_from(list(SIZES)), st.sampled_from(["SS", "LL"]), st.integers(1, 3)), max_size=4)
fleets = st.dictionaries(st.sampled_from(["m1", "m2", "m3"]), st.sampled_from([2, 4, 6, 8]), min_size=1)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Scenario, list[InstanceCount]]:
    machines = draw(fleets)
    free = dict(machines)
    running = []
    for mode, request_class, count in draw(counts):
        machine = draw(st.sampled_from(sorted(machines)))
        count = min(count, free[machine] // SIZES[mode])
        if count:
            free[machine] -= count * SIZES[mode]
            running.append((machine, mode, request_class, count))
    return site(machines, running), want(*draw(counts))


def used(packing: Packing) -> Counter[str]:
    gpus: Counter[str] = Counter()
    for each in packing.slices:
        gpus[each.machine] += each.instances * SIZES[each.mode]
    return gpus


def packable(machines: dict[str, int], sizes: list[int]) -> bool:
    """Independent oracle: try every machine for every instance."""
    if not sizes:
        return True
    return any(
        packable({**machines, name: free - sizes[0]}, sizes[1:]) for name, free in machines.items() if free >= sizes[0]
    )


@given(problems())
@settings(max_examples=300, deadline=None)
def test_every_instance_is_placed_or_named_and_no_machine_overflows(
    problem: tuple[Scenario, list[InstanceCount]],
) -> None:
    scenario, instances = problem
    packing = pack(scenario, instances)
    machines = {each.machine: each.gpus for each in scenario.machines}
    assert all(count <= machines[name] for name, count in used(packing).items())
    wanted: Counter[tuple[str, str]] = Counter()
    for each in instances:
        wanted[each.mode, each.request_class] += each.count
    got: Counter[tuple[str, str]] = Counter()
    for placed in packing.slices:
        got[placed.mode, placed.request_class] += placed.instances
    for missing in packing.unpacked:
        got[missing.mode, missing.request_class] += missing.count
    assert got == wanted
    sizes = sorted((SIZES[each.mode] for each in instances for _ in range(each.count)), reverse=True)
    if sum(sizes) <= sum(machines.values()):
        assert (not packing.unpacked) == packable(machines, sizes)


@given(problems())
@settings(max_examples=100, deadline=None)
def test_the_same_again_changes_nothing(problem: tuple[Scenario, list[InstanceCount]]) -> None:
    scenario, instances = problem
    first = pack(scenario, instances)
    placed = [
        InstanceCount(each.location, each.model, each.request_class, each.mode, each.instances) for each in first.slices
    ]
    running = tuple(
        Running("loc1", each.machine, each.mode, each.request_class, each.instances) for each in first.slices
    )
    again = pack(replace(scenario, running=running), placed)
    assert again.slices == first.slices


def kept_labels(before: Counter[tuple[str, str, str]], after: Counter[tuple[str, str, str]]) -> tuple[int, int]:
    """Instances that go on without a restart, and those among them whose class stays too."""
    stays: Counter[tuple[str, str]] = Counter()
    for machine, mode in {key[:2] for key in before}:
        stays[machine, mode] = min(
            sum(n for key, n in before.items() if key[:2] == (machine, mode)),
            sum(n for key, n in after.items() if key[:2] == (machine, mode)),
        )
    return sum(stays.values()), sum((before & after).values())


@given(
    st.lists(st.tuples(st.sampled_from(["m1", "m2"]), st.sampled_from(["SS", "LL"])), max_size=6),
    st.integers(0, 3),
    st.integers(0, 3),
)
@settings(max_examples=150, deadline=None)
def test_fewest_restarts_then_fewest_labels_against_all_packings(
    runs: list[tuple[str, str]], short: int, long: int
) -> None:
    before: Counter[tuple[str, str, str]] = Counter()
    for machine, request_class in runs:
        if sum(n for key, n in before.items() if key[0] == machine) < 3:
            before[machine, "TP2", request_class] += 1
    scenario = site({"m1": 6, "m2": 6}, [(m, mode, c, n) for (m, mode, c), n in before.items()])
    packing = pack(scenario, want(("TP2", "SS", short), ("TP2", "LL", long)))
    got = kept_labels(before, Counter(at(packing)))
    every = [
        kept_labels(
            before,
            Counter(
                {
                    ("m1", "TP2", "SS"): s,
                    ("m2", "TP2", "SS"): short - s,
                    ("m1", "TP2", "LL"): x,
                    ("m2", "TP2", "LL"): long - x,
                }
            ),
        )
        for s, x in product(range(short + 1), range(long + 1))
        if s + x <= 3 and short + long - s - x <= 3
    ]
    assert got == max(every)


def test_nothing_wanted_is_nothing_placed() -> None:
    assert pack(site({"m1": 8}, [("m1", "TP2", "SS", 2)]), want(("TP2", "SS", 0))) == Packing((), ())
