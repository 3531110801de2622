"""Who serves a class and why, in sentences; and the whole explanation on its way through the plan."""

import dataclasses

import pytest

from freesh_plugin.core.plan_json import decode_plan, encode_plan
from models.allocation import allocate
from models.allocation.explain.amounts import amount
from models.allocation.explain.choices import choices
from models.allocation.explain.explain import explain
from models.allocation.explain.prices import prices
from models.allocation.to_plan import to_plan
from models.domain.allocation import AllocationResult
from models.domain.explanation import Choice
from models.domain.scenario import Demand, Objective, Running, Scenario, Survive
from tests.fakes.fleet_scenarios import location, tiny

UNIT_G = "(9.72 gCO2e per 1000)"
"""700 W above parked for 2 req/s are 350 J a request, at 100 g/kWh."""


def solve(scenario: Scenario, limit_s: float = 60.0) -> AllocationResult:
    return allocate(scenario, solver="highs", gap=0.0, time_limit_s=limit_s)


def told(scenario: Scenario) -> list[Choice]:
    result = solve(scenario)
    return list(choices(scenario, result, prices(scenario, result, 30.0)[0]))


def sentence(scenario: Scenario) -> str:
    (only,) = told(scenario)
    return only.sentence


def test_the_cheapest_pool_is_called_so() -> None:
    assert sentence(tiny(demand_rps=(4.0,))) == (
        f"100% by 2 x TP2 at here {UNIT_G}; TP2 at here is the cheapest that it may use"
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"max_share": 0.4}, "its share of all demand binds"),
        ({"power_cap_w": 1000.0}, "the power cap there binds"),
        ({"gpus": {"G": 2}}, "the G GPUs there are in use"),
    ],
)
def test_what_keeps_a_class_from_the_cheapest_pool_is_named(changes: dict[str, object], why: str) -> None:
    assert why in sentence(location(tiny(demand_rps=(4.0,)), "here", **changes))


def test_origins_that_may_not_go_there_are_named() -> None:
    scenario = location(tiny(demand_rps={"eu": (2.0,), "us": (2.0,)}), "here", allowed_origins=("us",))
    assert "not for requests from eu" in sentence(scenario)


def test_a_cheaper_pool_that_is_ruled_out_is_named_with_the_rule() -> None:
    base = tiny(demand_rps={"eu": (4.0,)})
    assert sentence(location(base, "here", allowed_origins=("us",))).endswith(
        "; TP2 at here at 9.72 gCO2e per 1000 is ruled out by residency"
    )
    assert sentence(location(base, "here", rtt_s={"eu": 9.0})).endswith(
        "is ruled out by the service level with the way over the network"
    )


def test_a_mode_that_its_service_level_rules_out_is_named() -> None:
    base = tiny(demand_rps=(4.0,))
    slow = dataclasses.replace(base.profiles[0], mode="slow", latency_s=11.0, full_power_w=400.0)
    modes = (*base.modes, dataclasses.replace(base.modes[0], name="slow"))
    scenario = dataclasses.replace(base, modes=modes, profiles=(*base.profiles, slow))
    assert sentence(scenario).endswith("; slow at here at 4.17 gCO2e per 1000 is ruled out by the service level")


def test_a_class_that_nobody_serves_says_why() -> None:
    scenario = location(tiny(demand_rps={"eu": (4.0,)}), "here", allowed_origins=())
    nobody = location(scenario, "there", allowed_origins=())
    assert sentence(nobody).startswith("served by nobody: no mode keeps its service level")


def test_instances_in_reserve_are_counted() -> None:
    assert "2 in reserve elsewhere" in sentence(tiny(demand_rps=(4.0,), survive=Survive.LOCATION))


def test_what_stops_while_others_start_is_not_counted_as_staying() -> None:
    base = tiny(demand_rps=(2.0, 2.0), running=(Running("there", "there", "TP2", "R", 1),))
    scenario = dataclasses.replace(base, modes=(dataclasses.replace(base.modes[0], startup_s=300.0),))
    assert "TP2 at there until it stops" in sentence(scenario)


def test_a_whole_explanation_travels_in_the_plan_and_back() -> None:
    scenario = location(tiny(demand_rps=(9.0,), demand_margin=1.1), "here", max_share=0.6)
    result = solve(scenario)
    explanation = explain(scenario, result, solve, limit_s=60.0)
    plan = to_plan(scenario, result, epoch=1_000_000, revision=1, mode="act", with_explanation=explanation)
    read = decode_plan(encode_plan(plan)).explanation
    assert read is not None
    assert (read.objective, read.unit) == ("carbon", "gCO2e")
    assert [each.sentence for each in read.prices] == [each.sentence for each in explanation.prices]
    assert {each.value_unit for each in read.prices} == {"gCO2e", "req/s"}
    assert {each.promise for each in read.promises} == {"max_share", "margin", "slo"}
    assert [each.cost for each in read.promises] == [each.cost for each in explanation.promises]
    (choice,) = read.choices
    assert (choice.model, choice.request_class) == ("default", "R")
    without = to_plan(scenario, result, epoch=1_000_000, revision=1, mode="act")
    assert without.explanation is None
    assert without.digest != plan.digest


def test_several_models_are_told_apart_and_each_has_a_runner_up() -> None:
    base = tiny(demand_rps=(2.0,))
    other = dataclasses.replace(base.partitions[0], name="p")
    scenario = dataclasses.replace(
        base,
        models=("a", "b"),
        partitions=(*base.partitions, other),
        profiles=tuple(
            dataclasses.replace(base.profiles[0], model=model, partition=name, full_power_w=watts)
            for model, name, watts in (("a", "q", 800.0), ("a", "p", 900.0), ("b", "q", 900.0), ("b", "p", 800.0))
        ),
        slos=tuple(dataclasses.replace(base.slos[0], model=m, partition=q) for m in "ab" for q in "pq"),
        demand=tuple(Demand(q, "R", 0, 2.0, model=m) for m in "ab" for q in "pq"),
        objective=Objective.only("energy"),
    )
    explanation = explain(scenario, solve(scenario), solve, limit_s=60.0)
    # 100 W more for 300 s, whichever model has to take its other partition.
    assert [(each.subject, each.chosen) for each in explanation.runners_up] == [("a", "p"), ("b", "q")]
    assert [each.cost for each in explanation.runners_up] == pytest.approx([30_000.0, 30_000.0])
    assert explanation.runners_up[0].sentence == (
        "partition p instead of partition q of model a would cost 30 kJ an epoch"
    )
    assert [(each.model, each.request_class) for each in explanation.choices] == [("a", "R"), ("b", "R")]
    assert {each.subject for each in explanation.prices} == {"class R of a", "class R of b"}


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (12.345, "gCO2e", "12.3 gCO2e"),
        (123.4, "USD", "123 USD"),
        (-1_234_567.0, "J", "-1.23 MJ"),
        (25_000.0, "gCO2e", "25 kgCO2e"),
        (0.0000123, "USD", "1.23e-05 USD"),
        (0.0, "J", "0 J"),
    ],
)
def test_amounts_have_three_digits_and_a_unit(value: float, unit: str, words: str) -> None:
    assert amount(value, unit) == words
