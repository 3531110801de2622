"""Any fleet can be explained: several models, tiers, losses, shedding, changes; in the plan and in tables."""

from io import StringIO

from hypothesis import HealthCheck, given, settings
from rich.console import Console

from freesh_plugin.core.errors import AllocationError
from freesh_plugin.core.plan_json import decode_plan, encode_plan
from models.allocation import allocate
from models.allocation.explain.document import explanation_document
from models.allocation.explain.explain import explain
from models.allocation.to_plan import to_plan
from models.commands.explanation_table import explanation_tables
from models.domain.allocation import AllocationResult
from models.domain.scenario import Scenario
from tests.fakes.fleet_strategy import fleets


def solve(scenario: Scenario, limit_s: float = 20.0) -> AllocationResult:
    return allocate(scenario, solver="highs", gap=0.0, time_limit_s=limit_s)


@given(fleets())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_fleet_can_be_explained(scenario: Scenario) -> None:
    try:
        result = solve(scenario)
    except AllocationError:
        return  # it asks for what no allocation can give, and says so
    told = explain(scenario, result, solve, limit_s=120.0)
    assert not [each for each in told.notes if each.startswith("No shadow prices")]
    assert all(each.cost is None or each.cost >= 0 for each in told.promises)
    assert all(each.per_unit >= 0 for each in told.prices if each.constraint != "demand")
    assert {(each.model, each.request_class) for each in told.choices} == {
        (each.model, each.request_class)
        for each in scenario.demand
        if each.demand_rps > 0 and result.partition[each.model] == each.partition
    }
    plan = to_plan(scenario, result, epoch=1_000_000, revision=1, mode="advise", with_explanation=told)
    assert decode_plan(encode_plan(plan)) == plan
    console = Console(width=100, file=StringIO(), record=True)
    for table in explanation_tables(explanation_document(told)):
        console.print(table)
    assert max(map(len, console.export_text().splitlines())) <= 100
