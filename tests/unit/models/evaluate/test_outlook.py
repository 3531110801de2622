"""What plans are told: nothing of what has not happened, quantiles of classes as one, and the truth when asked."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from freesh_plugin.core.request import Partition
from freesh_plugin.core.units import STEP_S
from models.domain.scenario import Demand
from models.evaluate.outlook import BLIND, CARBON_LAG_S, CONSTANT, FORECAST, PERFECT, Outlook
from models.evaluate.planner import Planner
from models.evaluate.site import ONE_CLASS
from tests.fakes.evaluated_cell import FORECASTS, changed_from, demo_cell, demo_data, rule_of_thumb


@pytest.fixture
def outlook() -> Outlook:
    return Outlook(demo_data(), demo_cell().site, FORECASTS)


@pytest.fixture
def planner(outlook: Outlook) -> Planner:
    return Planner(outlook, rule_of_thumb)


def rates(rows: tuple[Demand, ...], partition: str, field: str = "mean_rps") -> float:
    return sum(float(getattr(each, field)) for each in rows if each.partition == partition and each.step == 0)


@pytest.mark.parametrize("start_s", [-1_800.0, 0.0, 1_800.0])
def test_a_forecast_knows_nothing_after_its_issue(outlook: Outlook, planner: Planner, start_s: float) -> None:
    epoch = planner.epoch(start_s)
    data = outlook.data
    published = epoch.issued_at - timedelta(seconds=CARBON_LAG_S)
    other = replace(
        data,
        demand=changed_from(data.demand, epoch.issued_at),
        carbon={zone: changed_from(grid, published) for zone, grid in data.carbon.items()},
        workload=replace(data.workload, requests=lambda: iter(())),
    )
    unknowing = Outlook(other, outlook.site, FORECASTS)

    assert unknowing.demand(epoch, FORECAST) == outlook.demand(epoch, FORECAST)
    assert unknowing.carbon(epoch, FORECAST) == outlook.carbon(epoch, FORECAST)
    assert unknowing.carbon(epoch, CONSTANT) == outlook.carbon(epoch, CONSTANT)
    assert unknowing.carbon(epoch, PERFECT) != outlook.carbon(epoch, PERFECT)


def test_every_partition_divides_the_same_demand(outlook: Outlook, planner: Planner) -> None:
    rows = outlook.demand(planner.epoch(0.0), FORECAST)
    whole = rates(rows, "one")
    assert whole > 0
    for partition in outlook.site.scenario.partitions:
        assert rates(rows, partition.name) == pytest.approx(whole)


def test_a_smaller_class_is_less_certain(outlook: Outlook, planner: Planner) -> None:
    rows = outlook.demand(planner.epoch(0.0), FORECAST)
    more = {
        each.request_class: each.demand_rps / (each.mean_rps or 1.0)
        for each in rows
        if each.partition == "answer444" and each.step == 0
    }
    sizes = {each.request_class: each.mean_rps for each in rows if each.partition == "answer444" and each.step == 0}
    by_size = sorted(sizes, key=lambda name: sizes[name] or 0.0)
    assert [more[name] for name in by_size] == sorted(more.values(), reverse=True)
    assert all(each > 1 for each in more.values())


def test_origins_matter_where_requests_are_locked_and_add_up(outlook: Outlook, planner: Planner) -> None:
    scenario = outlook.site.scenario
    locked = replace(
        scenario, locations=tuple(replace(each, allowed_origins=(each.name,)) for each in scenario.locations)
    )
    at_home = Outlook(outlook.data, replace(outlook.site, scenario=locked), FORECASTS)
    free = outlook.demand(planner.epoch(0.0), FORECAST)
    rows = at_home.demand(planner.epoch(0.0), FORECAST)
    assert {each.origin for each in free} == {"any"}
    assert {each.origin for each in rows} == set(outlook.data.origins)
    for field in ("mean_rps", "demand_rps"):
        assert rates(rows, "one", field) == pytest.approx(rates(free, "one", field))


def test_perfect_demand_is_what_comes(outlook: Outlook, planner: Planner) -> None:
    partition = Partition("two", ("short", "long"), (), (100,))
    epoch = planner.epoch(1_800.0)
    counted = outlook.offered.rates(partition, 1_800.0, 6, STEP_S)
    requests = list(outlook.data.workload.requests())
    for (name, step), rate_rps in counted.items():
        came = [
            each
            for each in requests
            if 1_800 + step * STEP_S <= each.arrival_s < 1_800 + (step + 1) * STEP_S
            and partition.classify(each.prompt_tokens, each.estimate.q50) == name
        ]
        assert rate_rps == pytest.approx(len(came) / STEP_S)
    told = outlook.demand(epoch, PERFECT)
    by_step = [sum(e.mean_rps or 0.0 for e in told if e.partition == "one" and e.step == step) for step in range(6)]
    assert by_step == pytest.approx([sum(counted[name, step] for name in partition.classes) for step in range(6)])


def test_carbon_by_foresight(outlook: Outlook, planner: Planner) -> None:
    epoch = planner.epoch(0.0)
    assert len({each.carbon_gco2e_per_kwh for each in outlook.carbon(epoch, BLIND)}) == 1
    for location in outlook.site.scenario.locations:
        constant = [e.carbon_gco2e_per_kwh for e in outlook.carbon(epoch, CONSTANT) if e.location == location.name]
        grid = outlook.data.carbon[str(location.grid_zone)]
        first_plan = outlook.data.hour.start - timedelta(minutes=40)
        published = grid.values[: grid.row_at(first_plan - timedelta(seconds=CARBON_LAG_S))]
        assert constant == pytest.approx([float(np.nanmean(published))] * epoch.steps)


def test_the_mix_is_of_the_hour_before(outlook: Outlook) -> None:
    mix = outlook.mix(ONE_CLASS)
    assert {name for name, _ in mix} == {"all"}
    assert sum(mix.values()) == pytest.approx(1.0)
