"""Shadow prices: against sums worked by hand, and against the relaxation solved again with a little more or less."""

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.allocation import allocate
from models.allocation.collect import program_data
from models.allocation.explain.moves import Move, demands, limits
from models.allocation.explain.prices import prices
from models.allocation.explain.relaxed import Relaxation, optimum
from models.allocation.fleet import Fleet
from models.allocation.signals import Signals
from models.allocation.solution import NONE_SHED
from models.allocation.solve.answer import Answer, Ending
from models.allocation.solve.budget import Budget
from models.domain.explanation import Price
from models.domain.scenario import CarbonSignal, Demand, Machine, Mode, Objective, Running, Scenario, Survive
from tests.fakes.allocation_checks import two_classes
from tests.fakes.fleet_scenarios import location, tiny
from tests.fakes.tiny_strategy import tiny_scenarios

STEP = 1e-3
"""Difference along which the relaxation is solved again, in the unit of the limit."""
LOADED_G = (800 - 2 * 50) * 300 / 3.6e6
"""What a fully loaded instance of the tiny scenario adds in a step, per g/kWh."""


def priced(scenario: Scenario, gap: float = 0.0) -> dict[tuple[str, str, str], Price]:
    found, notes = prices(scenario, allocate(scenario, solver="highs", gap=gap), 30.0)
    assert notes == ()
    return {(each.constraint, each.subject, each.value_unit): each for each in found}


def relaxed(scenario: Scenario) -> tuple[Relaxation, Answer]:
    fleet, signals = Fleet.of(scenario), Signals.of(scenario, scenario.objective)
    data = program_data(scenario, {"default": ("q",)}, fleet, signals)
    relaxation = Relaxation(data, NONE_SHED)
    return relaxation, optimum(relaxation.matrix, Budget(30.0))


def check_slope(scenario: Scenario, slope: float, moved: Callable[[float], Scenario]) -> None:
    """A dual lies between what the last bit was worth and what the next one is: the optimum is convex."""
    at = {by: relaxed(moved(by))[1] for by in (-STEP, 0.0, STEP)}
    here = at[0.0].objective
    assert here is not None
    noise = 1e-6 * max(abs(here), 1.0) / STEP
    before, after = at[-STEP].objective, at[STEP].objective
    if before is not None:
        assert (here - before) / STEP <= slope + noise
    if after is not None:
        assert slope <= (after - here) / STEP + noise
    assert before is not None or after is not None


# --- by hand -----------------------------------------------------------------------------------------------------


def test_one_more_gpu_where_it_is_clean_moves_half_an_instance() -> None:
    # 6 req/s need three instances; `here` (100 g/kWh) holds two, the third is `there` at 200 g/kWh.
    found = priced(tiny(demand_rps=(6.0,)))
    stock = found["stock", "G at here", "gCO2e"]
    assert stock.per_unit == pytest.approx(LOADED_G * (200 - 100) / 2, rel=1e-6)
    assert (stock.limit, stock.unit) == (4, "GPU")
    assert stock.per_percent == pytest.approx(stock.per_unit * 0.04)
    assert ("stock", "G at there", "gCO2e") not in found
    assert stock.sentence == (
        "one more GPU of type G at here would save up to 2.92 gCO2e an epoch (relaxed estimate),"
        " before the 0.417 gCO2e that it draws parked"
    )


def test_one_more_request_is_served_where_there_is_room() -> None:
    # Half an instance `there`: a relaxed one may be of any size, and is always full.
    (demand,) = [each for each in priced(tiny(demand_rps=(6.0,))).values() if each.constraint == "demand"]
    assert demand.per_unit == pytest.approx(LOADED_G * 200 / 2, rel=1e-6)
    assert demand.sentence.startswith("one more req/s of class R, in every step, would cost at least 5.83 gCO2e")


def test_a_point_of_share_moves_a_hundredth_of_the_demand() -> None:
    found = priced(location(tiny(demand_rps=(4.0,)), "here", max_share=0.5))
    share = found["max_share", "here", "gCO2e"]
    # 0.04 req/s move from 200 to 100 g/kWh, at 2 req/s an instance.
    assert share.per_unit == pytest.approx(0.04 / 2 * LOADED_G * 100, rel=1e-6)
    assert (share.limit, share.unit) == (50, "point")


def test_a_watt_under_the_cap_is_one_at_the_meter() -> None:
    scenario = location(tiny(demand_rps=(4.0,)), "here", power_cap_w=1250, pue=1.25)
    found = priced(scenario)
    # 1 W at the meter is 0.8 W at the GPUs, 1/875 of an instance of 700 W: it saves 200 - 1.25 x 100 g/kWh there.
    cap = found["power_cap", "here", "gCO2e"]
    assert cap.per_unit == pytest.approx(0.8 / 700 * LOADED_G * (200 - 125), rel=1e-6)
    assert (cap.limit, cap.unit) == (1250, "W")


def test_changes_are_priced_where_they_are_made() -> None:
    # Two run `there` and `here` is cleaner: one starts here, one stops there. One more start alone would save
    # (500 W of load x 100 g/kWh less 200 W idle x 100 g/kWh) x 300 s = 2.5 g, a stop alone nothing, both a whole move.
    scenario = tiny(demand_rps=(4.0,), running=(Running("there", "there", "TP2", "R", 2),), max_changes_per_location=1)
    found = {key[1]: each for key, each in priced(scenario).items() if key[0] == "change_limit"}
    assert found["here"].per_unit >= 2.5 - 1e-6
    assert sum(each.per_unit for each in found.values()) == pytest.approx(LOADED_G * 100, rel=1e-6)
    assert found["here"].sentence.startswith("one more change (start or stop) at here would save up to")


def test_a_limit_of_no_change_at_all_has_a_price() -> None:
    running = (Running("there", "there", "TP2", "R", 2),)
    found = priced(tiny(demand_rps=(4.0,), running=running, max_changes_per_location=0))
    assert found["change_limit", "here", "gCO2e"].per_unit >= 2.5 - 1e-6
    assert found["change_limit", "here", "gCO2e"].limit == 0


def test_where_demand_is_shed_prices_are_in_requests() -> None:
    # 9 req/s on 8 req/s of capacity: a GPU anywhere serves one req/s more, and a further request is shed.
    found = priced(tiny(demand_rps=(9.0,)))
    for name in ("here", "there"):
        assert found["stock", f"G at {name}", "req/s"].per_unit == pytest.approx(1.0, rel=1e-3)
    demand = found["demand", "class R", "req/s"]
    assert demand.per_unit == pytest.approx(1.0, rel=1e-3)
    assert "would mean that at least 1 req/s more are shed" in demand.sentence


def test_nothing_binds_where_there_is_room_enough() -> None:
    assert {key[0] for key in priced(tiny(demand_rps=(2.0,)))} == {"demand"}


def test_a_spare_for_a_loss_costs_what_idles_elsewhere() -> None:
    # Every req/s is served here, and half an instance more idles there: 300 - 100 W at 200 g/kWh.
    scenario = tiny(demand_rps=(2.0,), survive=Survive.LOCATION)
    demand = priced(scenario)["demand", "class R", "gCO2e"]
    assert demand.per_unit == pytest.approx(LOADED_G * 100 / 2 + 200 * 300 / 3.6e6 * 200 / 2, rel=1e-6)


def test_prices_are_in_the_unit_of_the_objective() -> None:
    found = priced(dataclasses.replace(tiny(demand_rps=(6.0,)), objective=Objective(carbon=0.1)))
    # 0.1 USD/kgCO2e.
    assert found["stock", "G at here", "USD"].per_unit == pytest.approx(LOADED_G * 100 / 2 * 1e-4, rel=1e-6)
    energy = priced(dataclasses.replace(tiny(demand_rps=(2.0,)), objective=Objective.only("energy")))
    assert energy["demand", "class R", "J"].per_unit == pytest.approx(700 * 300 / 2)


def test_gpus_of_a_machine_that_must_be_outlived_have_its_name() -> None:
    machines = (Machine("here", "a", "G", 2), Machine("here", "b", "G", 4))
    found = priced(tiny(demand_rps=(4.0,), gpus={"here": 6}, machines=machines, survive=Survive.MACHINE))
    assert {subject for constraint, subject, _ in found if constraint == "stock"} <= {
        "G at machine a of here",
        "G at machine b of here",
    }


def test_a_program_that_is_too_large_for_the_time_is_not_built() -> None:
    scenario = tiny(demand_rps=(4.0,))
    found, notes = prices(scenario, allocate(scenario), 1e-6)
    assert found == ()
    assert notes[0].startswith("No shadow prices: 2 flows are too many")


def test_a_change_limit_that_is_not_kept_has_no_price_and_says_so() -> None:
    # Two of a mode that nothing is profiled in must stop, and only one change is allowed.
    base = tiny(demand_rps=(6.0,))
    scenario = dataclasses.replace(
        base,
        modes=(*base.modes, Mode("old", {"G": 1})),
        running=(Running("here", "here", "old", "R", 2),),
        max_changes_per_location=1,
    )
    found, notes = prices(scenario, allocate(scenario, solver="highs", gap=0.0), 30.0)
    assert notes == ("max_changes_per_location is not kept: prices are those without it.",)
    assert {each.constraint for each in found} == {"stock", "demand"}


def test_gpus_that_come_later_have_the_name_of_their_machine() -> None:
    # Step 1 asks for four instances: two hold machine a, one the machine that comes for it, one is `there` in vain in
    # step 0: (2 x 200 W idle + 500 W load) x 300 s at 200 g/kWh are 15 g, a step here is 5.8333 g; half of that.
    machines = (Machine("here", "a", "G", 4), Machine("here", "b", "G", 2, available_from=1))
    scenario = tiny(demand_rps=(4.0, 8.0), machines=machines, gpus={"here": 6, "there": 4})
    stock = {each.subject: each for each in priced(scenario).values() if each.constraint == "stock"}
    assert "G at machine b of here" in stock
    assert stock["G at machine b of here"].per_unit == pytest.approx((15 - LOADED_G * 100) / 2, rel=1e-6)
    assert stock["G at machine b of here"].sentence.endswith("before the 0.417 gCO2e that it draws parked")


def test_nothing_asked_for_has_no_price() -> None:
    assert priced(tiny(demand_rps=(0.0,))) == {}


def test_carbon_in_a_unit_that_is_not_stated_is_not_called_grams() -> None:
    scenario = dataclasses.replace(tiny(demand_rps=(6.0,)), carbon_signal=CarbonSignal(unit="as given"))
    assert {each.value_unit for each in priced(scenario).values()} == {"carbon units"}


# --- against the relaxation itself -------------------------------------------------------------------------------


def grown(scenario: Scenario, request_class: str, by_rps: float) -> Scenario:
    """More planned demand of a class in every step in which it has some, its mean in proportion."""

    def of(row: Demand) -> Demand:
        asked = sum(
            each.demand_rps for each in scenario.demand if each.request_class == request_class and each.step == row.step
        )
        if row.request_class != request_class or not row.demand_rps:
            return row
        factor = 1 + by_rps / asked / scenario.demand_margin
        mean = None if row.mean_rps is None else row.mean_rps * factor
        return dataclasses.replace(row, demand_rps=row.demand_rps * factor, mean_rps=mean)

    return dataclasses.replace(scenario, demand=tuple(of(each) for each in scenario.demand))


def with_limits(scenario: Scenario, share: float, cap_w: float | None, survive: Survive) -> Scenario:
    first = dataclasses.replace(scenario.locations[0], max_share=share, power_cap_w=cap_w)
    return dataclasses.replace(scenario, locations=(first, *scenario.locations[1:]), survive=survive)


def first_limit(found: list[Move], constraint: str) -> Move | None:
    return next((each for each in found if each.constraint == constraint), None)


@given(
    tiny_scenarios(),
    st.sampled_from([1.0, 0.6, 0.3]),
    st.sampled_from([None, 700.0, 1500.0]),
    st.sampled_from([Survive.NONE, Survive.LOCATION]),
)
@settings(max_examples=25, deadline=None)
def test_slopes_agree_with_the_relaxation_solved_again(
    base: Scenario, share: float, cap_w: float | None, survive: Survive
) -> None:
    scenario = with_limits(base, share, cap_w, survive)
    relaxation, answer = relaxed(scenario)
    if answer.ending is not Ending.OPTIMAL or not relaxation.data.streams:
        return
    for move in demands(relaxation, 0.0):
        name = move.subject.removeprefix("class ")
        if name in {each.request_class for each in relaxation.data.unserved}:
            continue

        def more_demand(by: float, name: str = name) -> Scenario:
            return grown(scenario, name, by)

        check_slope(scenario, move.cost(answer), more_demand)
    found = list(limits(relaxation))
    assert all(each.cost(answer) <= 1e-9 * max(abs(answer.objective or 0.0), 1.0) for each in found)
    if cap := first_limit(found, "power_cap"):
        check_slope(scenario, cap.cost(answer), lambda by: with_limits(scenario, share, here_cap(cap_w, by), survive))
    if limit := first_limit(found, "max_share"):
        check_slope(scenario, limit.cost(answer), lambda by: with_limits(scenario, share + by / 100, cap_w, survive))


def here_cap(cap_w: float | None, by: float) -> float:
    assert cap_w is not None
    return cap_w + by


@given(st.floats(0.5, 12.0), st.floats(0.5, 12.0), st.sampled_from([0, 2, 3, 4]), st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_a_fraction_of_a_gpu_saves_what_its_price_says(one: float, other: float, here: int, there: int) -> None:
    """Modes of one GPU: the program itself can be given parts of GPUs, which draw their parked watts."""
    base = two_classes(tiny(modes=(Mode("TP2", {"G": 1}),), gpus={"here": here, "there": there}), (one, other), 3.0)
    relaxation, answer = relaxed(base)
    if answer.ending is not Ending.OPTIMAL:
        return
    for move in limits(relaxation):
        name = move.subject.removeprefix("G at ")

        def more_gpus(by: float, name: str = name) -> Scenario:
            gpus = {"G": base.location(name).gpus["G"] + by}
            return location(base, name, gpus=gpus)

        if base.location(name).gpus["G"]:
            check_slope(base, move.cost(answer) + move.draws, more_gpus)
