"""Transitions: start before stop, drain before stop, never more GPUs than a machine has, the dip stated."""

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.core.plan import Action, Transition
from models.allocation.pack import Placed, pack
from models.allocation.transitions import transitions
from models.domain.allocation import InstanceCount
from models.domain.scenario import Location, Machine, Mode, Profile, Running, Scenario

GPUS = {"TP2": 2, "TP2low": 2, "TP4": 4, "TP8": 8}
RPS = {"TP2": 1.0, "TP2low": 0.75, "TP4": 2.5, "TP8": 6.0}
PARTITION = {"default": "a"}
Row = tuple[str, str, str, int]


def fleet(machines: dict[str, int], running: Iterable[Row] = ()) -> Scenario:
    """One location; running rows are (machine, mode, class, instances)."""
    return Scenario(
        name="ways",
        locations=(Location("loc1", {"A100": sum(machines.values())}),),
        modes=tuple(Mode(name, {"A100": gpus}) for name, gpus in GPUS.items()),
        partitions=(),
        profiles=tuple(
            Profile("a", request_class, mode, rps, 1000.0, 1.0, 0.1, 0.05, 300.0)
            for mode, rps in RPS.items()
            for request_class in ("SS", "LL")
        ),
        slos=(),
        demand=(),
        carbon=(),
        machines=tuple(Machine("loc1", name, "A100", gpus) for name, gpus in machines.items()),
        running=tuple(Running("loc1", *row) for row in running),
    )


def way(machines: dict[str, int], before: Iterable[Row], after: Iterable[Row]) -> list[tuple[object, ...]]:
    slices = [Placed("loc1", m, "default", request_class, mode, n) for m, mode, request_class, n in after]
    return [
        (each.order, each.action.value, each.machine, each.mode, each.request_class, each.instances, each.dip_rps)
        for each in transitions(fleet(machines, before), slices, PARTITION)
    ]


def test_equal_placement_needs_nothing() -> None:
    rows = [("m1", "TP2", "SS", 2), ("m2", "TP4", "LL", 1)]
    assert way({"m1": 4, "m2": 4}, rows, rows) == []


def test_start_before_stop_where_gpus_are_free() -> None:
    assert way({"m1": 6}, [("m1", "TP4", "SS", 1)], [("m1", "TP2", "SS", 1)]) == [
        (0, "start", "m1", "TP2", "SS", 1, 0.0),
        (1, "drain", "m1", "TP4", "SS", 1, 0.0),
        (2, "stop", "m1", "TP4", "SS", 1, 0.0),
    ]


def test_stop_first_states_its_dip() -> None:
    # No GPU is free. SS goes from 2.5 to 2.0 req/s: while the TP4 is away 2.0 are missing that both fleets offer.
    assert way({"m1": 4}, [("m1", "TP4", "SS", 1)], [("m1", "TP2", "SS", 2)]) == [
        (0, "drain", "m1", "TP4", "SS", 1, 2.0),
        (1, "stop", "m1", "TP4", "SS", 1, 0.0),
        (2, "start", "m1", "TP2", "SS", 2, 0.0),
    ]


def test_room_is_made_by_what_is_missed_least() -> None:
    # The TP4 of LL is going anyway; taking it first spares SS, whose TP4 is drained when its successors serve.
    before = [("m1", "TP4", "SS", 1), ("m1", "TP4", "LL", 1)]
    assert way({"m1": 8}, before, [("m1", "TP2", "SS", 3)]) == [
        (0, "drain", "m1", "TP4", "LL", 1, 0.0),
        (1, "stop", "m1", "TP4", "LL", 1, 0.0),
        (2, "start", "m1", "TP2", "SS", 2, 0.0),
        (3, "drain", "m1", "TP4", "SS", 1, 0.5),
        (4, "stop", "m1", "TP4", "SS", 1, 0.0),
        (5, "start", "m1", "TP2", "SS", 1, 0.0),
    ]


def test_only_as_much_stops_at_once_as_a_start_needs() -> None:
    before = [("m1", "TP4", "SS", 2)]
    got = way({"m1": 8}, before, [("m1", "TP2", "SS", 4)])
    assert [each[:2] for each in got] == [
        (0, "drain"),
        (1, "stop"),
        (2, "start"),
        (3, "drain"),
        (4, "stop"),
        (5, "start"),
    ]
    # 5.0 now, 4.0 planned: the first drain leaves 2.5 (1.5 missing), the second 2.0 of 4.0 after 4.5 (2.0 missing).
    assert [each[6] for each in got if each[1] == "drain"] == [1.5, 2.0]


def test_a_class_or_clock_ceiling_changes_without_a_restart() -> None:
    slices = [Placed("loc1", "m1", "default", "LL", "TP2", 1), Placed("loc1", "m1", "default", "SS", "TP2low", 1)]
    scenario = fleet({"m1": 4}, [("m1", "TP2", "SS", 2)])
    got = transitions(scenario, slices, PARTITION)
    assert [(each.action, each.request_class, each.mode, each.from_class, each.from_mode) for each in got] == [
        (Action.RELABEL, "LL", "TP2", "SS", "TP2"),
        (Action.RELABEL, "SS", "TP2low", "SS", "TP2"),
    ]


def test_a_machine_that_went_away_is_emptied() -> None:
    scenario = fleet({"m1": 4}, [("gone", "TP2", "SS", 1)])
    got = transitions(scenario, [Placed("loc1", "m1", "default", "SS", "TP2", 1)], PARTITION)
    assert [(each.action, each.machine) for each in got] == [
        (Action.START, "m1"),
        (Action.DRAIN, "gone"),
        (Action.STOP, "gone"),
    ]


def test_capacity_moves_to_another_machine_without_a_dip() -> None:
    got = way({"m1": 4, "m2": 4}, [("m1", "TP4", "SS", 1)], [("m2", "TP4", "SS", 1)])
    assert [each[1:3] for each in got] == [("start", "m2"), ("drain", "m1"), ("stop", "m1")]
    assert [each[6] for each in got] == [0.0, 0.0, 0.0]


State = Counter[tuple[str, str, str]]


def replay(before: State, machines: dict[str, int], steps: Sequence[Transition]) -> State:
    """Carry transitions out one at a time, refusing what a node agent could not do."""
    state, draining = Counter(before), Counter[tuple[str, str, str]]()
    for each in steps:
        key = (each.machine, each.mode, each.request_class)
        if each.action is Action.START:
            state[key] += each.instances
        elif each.action is Action.RELABEL:
            old = (each.machine, each.from_mode or "", each.from_class or "")
            assert state[old] - draining[old] >= each.instances
            assert GPUS[old[1]] == GPUS[each.mode]
            state[old] -= each.instances
            state[key] += each.instances
        elif each.action is Action.DRAIN:
            draining[key] += each.instances
            assert draining[key] <= state[key]
        else:
            assert draining[key] >= each.instances, "stopped without being drained"
            draining[key] -= each.instances
            state[key] -= each.instances
        for machine, gpus in machines.items():
            assert sum(n * GPUS[mode] for (m, mode, _), n in state.items() if m == machine) <= gpus
    assert not +draining
    return +state


@st.composite
def moves(draw: st.DrawFn) -> tuple[dict[str, int], State, State]:
    machines = draw(st.dictionaries(st.sampled_from(["m1", "m2"]), st.sampled_from([2, 4, 8, 16]), min_size=1))
    placements = []
    for _ in range(2):
        free, state = dict(machines), State()
        for machine, mode, request_class in draw(
            st.lists(
                st.tuples(
                    st.sampled_from(sorted(machines)), st.sampled_from(sorted(GPUS)), st.sampled_from(["SS", "LL"])
                ),
                max_size=8,
            )
        ):
            if free[machine] >= GPUS[mode]:
                free[machine] -= GPUS[mode]
                state[machine, mode, request_class] += 1
        placements.append(state)
    return machines, placements[0], placements[1]


def rows(state: State) -> list[Row]:
    return [(machine, mode, request_class, n) for (machine, mode, request_class), n in state.items()]


@given(moves(), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_a_replay_ends_at_the_plan_and_never_overfills_a_machine(
    move: tuple[dict[str, int], State, State], rng: Random
) -> None:
    machines, before, after = move
    slices = [Placed("loc1", m, "default", request_class, mode, n) for m, mode, request_class, n in rows(after)]
    steps = transitions(fleet(machines, rows(before)), slices, PARTITION)
    assert replay(before, machines, steps) == after
    assert [each.order for each in steps] == sorted(each.order for each in steps)
    shuffled = list(steps)
    rng.shuffle(shuffled)
    assert replay(before, machines, sorted(shuffled, key=lambda each: each.order)) == after


@given(moves())
@settings(max_examples=100, deadline=None)
def test_restarts_are_only_what_hardware_needs(move: tuple[dict[str, int], State, State]) -> None:
    machines, before, after = move
    slices = [Placed("loc1", m, "default", request_class, mode, n) for m, mode, request_class, n in rows(after)]
    steps = transitions(fleet(machines, rows(before)), slices, PARTITION)
    for action, more, less in ((Action.START, after, before), (Action.STOP, before, after)):
        needed: Counter[tuple[str, int]] = Counter()
        for sign, state in ((1, more), (-1, less)):
            for (machine, mode, _), n in state.items():
                needed[machine, GPUS[mode]] += sign * n
        assert sum(each.instances for each in steps if each.action is action) == sum((+needed).values())


def test_packing_and_transitions_agree_on_a_steady_fleet() -> None:
    scenario = fleet({"m1": 8, "m2": 8}, [("m1", "TP4", "SS", 2), ("m2", "TP2", "LL", 3)])
    wanted = [InstanceCount("loc1", "default", "SS", "TP4", 2), InstanceCount("loc1", "default", "LL", "TP2", 3)]
    assert transitions(scenario, pack(scenario, wanted).slices, PARTITION) == ()
