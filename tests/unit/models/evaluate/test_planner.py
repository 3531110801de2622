"""The planner in the loop: what a question makes of the fleet's scenario, and that each is solved once."""

from dataclasses import replace

import numpy as np
import pytest

from freesh_plugin.core.plan import Plan
from models.domain.scenario import Profile, Scenario
from models.evaluate.epoch import Epoch
from models.evaluate.outlook import BLIND, Outlook
from models.evaluate.planner import Planner, Question, running_under
from models.evaluate.start_state import running_all_on
from tests.fakes.evaluated_cell import FORECASTS, demo_cell, demo_data, rule_of_thumb


class Asked:
    """A solver that notes what it is asked."""

    def __init__(self) -> None:
        self.scenarios: list[Scenario] = []

    def __call__(self, scenario: Scenario, epoch: Epoch) -> Plan:
        self.scenarios.append(scenario)
        return rule_of_thumb(scenario, epoch)


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def planner(asked: Asked) -> Planner:
    return Planner(Outlook(demo_data(), demo_cell().site, FORECASTS), asked)


def half_load_w(profile: Profile) -> float:
    loads, watts = zip(
        (0.0, profile.idle_power_w), *(profile.power_levels or ((1.0, profile.full_power_w),)), strict=True
    )
    return float(np.interp(0.5, loads, watts))


ONE = Question(partitions=("one",))


def test_a_question_is_solved_once_whoever_asks(planner: Planner, asked: Asked) -> None:
    first = planner.plan(ONE, 0.0, ())
    assert planner.plan(replace(ONE), 0.0, ()) is first
    assert len(asked.scenarios) == 1
    planner.plan(ONE, 1_800.0, ())
    planner.plan(replace(ONE, margin=1.2), 0.0, ())
    planner.plan(ONE, 0.0, running_all_on(demo_cell().site))
    assert len(asked.scenarios) == 4


def test_only_the_partitions_that_are_asked_for_are_planned(planner: Planner, asked: Asked) -> None:
    planner.plan(ONE, 0.0, ())
    (scenario,) = asked.scenarios
    assert {each.name for each in scenario.partitions} == {"one"}
    for rows in (scenario.profiles, scenario.slos, scenario.demand):
        assert {each.partition for each in rows} == {"one"}


def test_a_margin_is_a_factor_on_the_demand_that_capacity_is_for(planner: Planner, asked: Asked) -> None:
    planner.plan(ONE, 0.0, ())
    planner.plan(replace(ONE, margin=1.5), 0.0, ())
    plain, safe = asked.scenarios
    assert (plain.demand_margin, safe.demand_margin) == (1.0, 1.5)
    assert replace(safe, demand_margin=1.0) == plain


def test_whoever_knows_no_carbon_is_told_none(planner: Planner, asked: Asked) -> None:
    planner.plan(replace(ONE, objective="energy", carbon=BLIND), 0.0, ())
    planner.plan(ONE, 0.0, ())
    blind, knowing = asked.scenarios
    assert len({each.carbon_gco2e_per_kwh for each in blind.carbon}) == 1
    assert len({each.carbon_gco2e_per_kwh for each in knowing.carbon}) > 1


def test_clocks_that_are_not_governed_draw_more_at_half_load(planner: Planner, asked: Asked) -> None:
    planner.plan(ONE, 0.0, ())
    planner.plan(replace(ONE, governed=False), 0.0, ())
    governed, highest = ({each.mode: half_load_w(each) for each in of.profiles} for of in asked.scenarios)
    assert set(governed) == set(highest)
    for mode, watts in highest.items():
        assert governed[mode] < watts


def test_what_runs_under_a_plan_is_told_to_the_next(planner: Planner) -> None:
    plan = planner.plan(ONE, 0.0, ())
    running = running_under(plan)
    assert sum(each.instances for each in running) == sum(each.instances for each in plan.slices) > 0
    assert {each.partition for each in running} == {"one"}


def test_an_epoch_is_issued_ten_minutes_before_it_begins(planner: Planner) -> None:
    epoch = planner.epoch(1_800.0)
    assert (epoch.starts_at - epoch.issued_at).total_seconds() == 600
    assert (epoch.starts_at - planner.outlook.data.hour.start).total_seconds() == 1_800
