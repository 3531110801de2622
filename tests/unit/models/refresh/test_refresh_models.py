"""Fleets of several models, origins and tiers from traffic to plan; totals divided by lengths; lacking demand."""

from pathlib import Path

import numpy as np
import pytest

from models.allocation import allocate
from models.domain.allocation import AllocationResult
from models.domain.forecast import DataState
from models.domain.lengths import RequestLength
from models.domain.records import ForecastRecord
from models.domain.scenario import Scenario
from models.refresh.forecasts import used_forecasts
from models.refresh.known_demand import with_demand
from models.refresh.plan import make_plan
from models.refresh.problem import PlanOrder
from models.refresh.slot import Slot
from models.refresh.traffic import refresh_traffic
from models.sources.lengths import length_sample
from models.sources.scenario_folder import load_fleet
from models.sources.store import SqlPlanningStore
from tests.fakes.forecasts import carbon_record
from tests.fakes.small_fleet import SCENARIO, ZONES, small_fleet
from tests.fakes.sources import FlatTraffic

SLOT = Slot(1_000_000)
TWO_MODELS = (
    SCENARIO
    + """\
  - {name: b, classes: [S, L], prompt_tokens: 128, answer_tokens: []}
models: [{name: big}, {name: small}]
tiers: [{name: gold}, {name: batch, shed_price: 0.1}]
"""
)
PROFILES = """\
partition,request_class,mode,capacity_rps,full_power_w,latency_s,ttft_s,tbt_s,idle_power_w,model
a,short,TP2xA100,4.0,800,5,0.1,0.05,200,big
a,long,TP2xA100,2.0,800,20,0.1,0.05,200,big
b,S,TP2xA100,40.0,800,5,0.1,0.05,200,small
b,L,TP2xA100,20.0,800,20,0.1,0.05,200,small
"""
ORIGINS = (("eu", 0.75), ("us", 0.25))


@pytest.fixture
def fleet(tmp_path: Path) -> Scenario:
    """Model big is profiled in partition a alone, small in b alone."""
    folder = tmp_path / "fleet"
    small_fleet(folder)
    (folder / "scenario.yaml").write_text(TWO_MODELS, encoding="utf-8")
    (folder / "profiles.csv").write_text(PROFILES, encoding="utf-8")
    slos = ["partition,request_class,latency_s,ttft_s,tbt_s,model,tier"]
    pairs = (("a", "short", "big"), ("a", "long", "big"), ("b", "S", "small"), ("b", "L", "small"))
    slos += [f"{name},{cls},60,0.5,0.1,{model},{tier}" for name, cls, model in pairs for tier in ("gold", "batch")]
    (folder / "slo.csv").write_text("\n".join([*slos, ""]), encoding="utf-8")
    return load_fleet(folder)


def traffic(**changes: object) -> FlatTraffic:
    fields = {"rps": 1.0, "origins": ORIGINS, "models": ("big", "small"), "tiers": ("gold", "batch")} | changes
    return FlatTraffic(**fields)  # type: ignore[arg-type]  # names are checked by the dataclass


def solve(scenario: Scenario) -> AllocationResult:
    return allocate(scenario, solver="highs")


def refreshed(store: SqlPlanningStore, fleet: Scenario, source: FlatTraffic) -> ForecastRecord:
    return refresh_traffic(SLOT, fleet, source, store, now=SLOT.issue_at, lengths=length_sample(fleet))


def test_each_model_is_forecast_and_planned_in_its_own_partitions_alone(
    store: SqlPlanningStore, fleet: Scenario
) -> None:
    """Two cuts make four cells of 1 req/s: each class is two of them, three quarters of it from eu."""
    record = refreshed(store, fleet, traffic())
    told = {
        tuple(each.labels[key] for key in ("model", "partition", "request_class", "origin", "tier")): each.mean[0]
        for each in record.forecasts
    }
    assert told == {
        (model, partition, name, origin, tier): pytest.approx(2 * share)
        for model, partition, classes in (("big", "a", ("short", "long")), ("small", "b", ("S", "L")))
        for name in classes
        for origin, share in ORIGINS
        for tier in ("gold", "batch")
    }
    assert (record.state, record.note) == (DataState.OK, "")
    store.save_forecast(carbon_record(SLOT, ZONES))
    plan = make_plan(PlanOrder(SLOT), fleet, store, solve, now=SLOT.issue_at).plan
    assert {model: each.name for model, each in plan.partition.items()} == {"big": "a", "small": "b"}
    assert {pool.model for pool in plan.pools if pool.instances.target} == {"big", "small"}
    assert not [each for each in plan.holds if each.code in ("demand_missing", "partition_left_out")]
    offered: dict[tuple[str, str], float] = {}
    for row in plan.demand:
        key = (row.model, row.request_class)
        offered[key] = offered.get(key, 0.0) + row.mean_rps / fleet.steps
    assert offered == {key: pytest.approx(4.0) for key in offered}, "two cells in each of two tiers"


def test_a_model_without_demand_is_not_planned_around(store: SqlPlanningStore, fleet: Scenario) -> None:
    record = refreshed(store, fleet, traffic(models=("big",)))
    assert {each.labels["model"] for each in record.forecasts} == {"big"}
    assert "partition b of small: no row of traffic is of this model" in record.note
    kept, holds = with_demand(fleet, used_forecasts(store, "demand", SLOT))
    assert kept.demand == ()
    assert [each.code for each in holds] == ["demand_missing"]
    assert holds[0].reason.startswith("No demand of small is known for any partition")


def test_a_pair_that_lacks_a_class_is_left_out_and_the_others_stay(tmp_path: Path, store: SqlPlanningStore) -> None:
    """Model big is profiled in b as well, where one class has no forecast."""
    folder = tmp_path / "fleet"
    small_fleet(folder)
    (folder / "scenario.yaml").write_text(TWO_MODELS.replace("tiers:", "# tiers:"), encoding="utf-8")
    more = "b,S,TP2xA100,4,800,5,0.1,0.05,200,big\nb,L,TP2xA100,2,800,20,0.1,0.05,200,big\n"
    (folder / "profiles.csv").write_text(PROFILES + more, encoding="utf-8")
    pairs = [("a", "short", "big"), ("a", "long", "big"), ("b", "S", "small"), ("b", "L", "small")]
    pairs += [("b", "S", "big"), ("b", "L", "big")]
    rows = [f"{name},{cls},60,0.5,0.1,{model}" for name, cls, model in pairs]
    head = "partition,request_class,latency_s,ttft_s,tbt_s,model"
    (folder / "slo.csv").write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    fleet = load_fleet(folder)
    record = refreshed(store, fleet, traffic(tiers=("default",)))
    lacking = tuple(
        each
        for each in record.forecasts
        if (each.labels["model"], each.labels["partition"], each.labels["request_class"]) != ("big", "b", "L")
    )
    assert len(lacking) < len(record.forecasts)
    store.save_forecast(
        ForecastRecord("demand", SLOT.epoch, record.issued_at, record.state, record.source, lacking, 0.0)
    )
    kept, holds = with_demand(fleet, used_forecasts(store, "demand", SLOT))
    assert [each.reason for each in holds] == [
        "Partition b of big is left out: no demand is known for all of its classes."
    ]
    assert {(each.model, each.partition) for each in kept.demand} == {("big", "a"), ("small", "b")}
    assert {(each.model, each.partition) for each in kept.profiles} == {("big", "a"), ("small", "b")}
    assert {each.name for each in kept.partitions} == {"a", "b"}


def test_demand_of_a_model_or_tier_that_nobody_named_is_said(store: SqlPlanningStore, tmp_path: Path) -> None:
    fleet = small_fleet(tmp_path / "fleet")
    record = refreshed(store, fleet, traffic(models=("default", "llama"), tiers=("default", "gold")))
    assert "the fleet names no model 'llama': that demand is left out" in record.note
    assert "the fleet names no tier 'gold': that demand is left out" in record.note


def test_totals_are_divided_by_the_fleets_lengths_and_labelled_assumed(store: SqlPlanningStore, tmp_path: Path) -> None:
    """Three of four requests have short answers: 8 req/s are 6 and 2, up to half a request that each class is given."""
    fleet = small_fleet(tmp_path / "fleet")
    rows = "prompt_tokens,answer_tokens,weight\n100,50,3000\n100,900,1000\n"
    (tmp_path / "fleet" / "lengths.csv").write_text(rows, encoding="utf-8")
    source = FlatTraffic(rps=8.0, totals=True, origins=ORIGINS)
    record = refreshed(store, fleet, source)
    means = {(each.labels["request_class"], each.labels["origin"]): each.mean[0] for each in record.forecasts}
    wanted = {("short", "eu"): 4.5, ("short", "us"): 1.5, ("long", "eu"): 1.5, ("long", "us"): 0.5}
    assert means == {key: pytest.approx(rps, rel=1e-3) for key, rps in wanted.items()}
    assert {each.labels["shares"] for each in record.forecasts} == {"assumed"}
    assert "assumed: traffic is known in total alone" in record.note
    store.save_forecast(carbon_record(SLOT, ZONES))
    plan = make_plan(PlanOrder(SLOT), fleet, store, solve, now=SLOT.issue_at).plan
    assert "shares_assumed" in {each.code for each in plan.holds}
    assert "assumed" in next(each.note for each in plan.inputs if each.name == "demand")


def test_totals_without_lengths_are_no_demand_of_classes(store: SqlPlanningStore, tmp_path: Path) -> None:
    record = refreshed(store, small_fleet(tmp_path / "fleet"), FlatTraffic(rps=8.0, totals=True))
    assert (record.state, record.forecasts) == (DataState.NO_DATA, ())
    assert "no lengths.csv of the fleet says how it divides" in record.note


def test_weights_that_are_shares_are_as_uncertain_as_their_rows_are_few(
    store: SqlPlanningStore, tmp_path: Path
) -> None:
    fleet = small_fleet(tmp_path / "fleet")
    spread = []
    for rows in (10, 10_000):
        sample = {"default": tuple(RequestLength(100, 50 if k % 2 else 900, 1 / rows) for k in range(rows))}
        record = refresh_traffic(
            SLOT, fleet, FlatTraffic(rps=8.0, totals=True), store, now=SLOT.issue_at, lengths=sample
        )
        (short,) = (each for each in record.forecasts if each.labels["request_class"] == "short")
        assert short.mean[0] == pytest.approx(4.0)
        spread.append(float(np.ptp(short.quantiles[:, 0])))
    assert spread[0] > 10 * spread[1]
