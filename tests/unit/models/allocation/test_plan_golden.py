"""Scenario to allocation to plan to text and back, against a plan that was worked by hand.

Sums of the two sites, watts and 300 s steps, carbon objective:
S wants 3.0 req/s (mean 2, then 1) near eu. In the south a TP4 costs (480 idle above parked x 600 s + 3 x 220 J x 300)
x PUE 1.5 at 50 g/kWh = 10.125 g, two TP2 12.875 g; in the north a TP4 13.5 g. L must stay north: a TP2 at 290 W and
300 W of load is the least. So L TP2 north (618 kJ with 440 W parked), S TP4 south (927 kJ with 220 W parked):
1545 kJ, 17.1667 + 12.875 = 30.0417 g. For energy alone S goes north: 618 + 486 + 198 kJ = 1302 kJ, 33.4167 g.
All on: n1 takes a TP4 for L, n2 a TP2 for S: 1122.857 + 842.143 = 1965 kJ.
A TP2 for S runs on n2: it becomes L's. Two run on s1 and hold its 4 GPUs: they must stop before the TP4 starts.
S serves 6 req/s before and 5 after: the re-label takes 1 of those 5 away, the drain the other 4.
"""

import dataclasses
import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import msgspec
import pytest
from hypothesis import given, settings

from freesh_plugin.core.plan import Plan
from freesh_plugin.core.plan_json import decode_plan, encode_plan, plan_schema
from models.allocation import allocate
from models.allocation.baselines import baselines
from models.allocation.compare import describe_changes
from models.allocation.footprint import footprint
from models.allocation.load import planned_load
from models.allocation.pairs import Pairs
from models.allocation.to_plan import to_plan
from models.domain.scenario import Running, Scenario
from tests.fakes.tiny_strategy import tiny_scenarios
from tests.fakes.two_sites import two_sites

ROOT = Path(__file__).parents[4]
GOLDEN = ROOT / "tests" / "golden" / "plans" / "two_sites.json"
FIRST = GOLDEN.with_name("two_sites_1_0.json")
"""The same plan as it was published in version 1.0, before plans were explained."""


def solved() -> Plan:
    scenario = two_sites(running=(Running("south", "s1", "TP2", "S", 2), Running("north", "n2", "TP2", "S", 1)))
    result = allocate(scenario, gap=0.0)
    return to_plan(
        scenario,
        result,
        epoch=1_000_000,
        revision=1,
        mode="act",
        quantile=0.95,
        with_baselines=baselines(scenario, result, allocate),
    )


def near(value: object) -> object:
    """The value, numbers to six digits."""
    if isinstance(value, float):
        return pytest.approx(value, rel=1e-6)
    if isinstance(value, dict):
        return {key: near(each) for key, each in value.items()}
    return [near(each) for each in value] if isinstance(value, list) else value


def test_the_golden_plan_is_solved_written_and_read_back() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    plan = solved()
    found = json.loads(encode_plan(plan))
    for name in ("build_s", "solve_s", "solver"):
        assert found["solver"].pop(name) is not None
        golden["solver"].pop(name)
    assert found.pop("digest") == plan.digest
    golden.pop("digest")
    assert found == near(golden)
    assert decode_plan(encode_plan(plan)) == plan


def test_the_golden_plan_is_accepted_and_keeps_the_published_schema() -> None:
    text = GOLDEN.read_bytes()
    assert encode_plan(decode_plan(text)) == text.strip()
    jsonschema.Draft202012Validator(plan_schema()).validate(json.loads(text))


def test_a_plan_of_the_first_version_is_read_as_it_was() -> None:
    plan, now = decode_plan(FIRST.read_bytes()), decode_plan(GOLDEN.read_bytes())
    assert (plan.schema_version, plan.explanation) == ("1.0", None)
    assert msgspec.structs.replace(plan, schema_version="1.1", digest="") == msgspec.structs.replace(now, digest="")
    published = json.loads((ROOT / "docs" / "schema" / "plan-1.0.json").read_text(encoding="utf-8"))
    for schema in (published, plan_schema()):
        jsonschema.Draft202012Validator(schema).validate(json.loads(FIRST.read_bytes()))


@given(tiny_scenarios())
@settings(max_examples=25, deadline=None)
def test_any_allocation_becomes_a_plan_that_its_reader_accepts(scenario: Scenario) -> None:
    result = allocate(scenario, gap=0.0)
    plan = to_plan(scenario, result, epoch=1_000_000, revision=1, mode="act")
    assert decode_plan(encode_plan(plan)) == plan
    counts = {(each.location, each.request_class, each.mode): each.count for each in result.instances}
    assert {(p.location, p.request_class, p.mode): p.instances.target for p in plan.pools} == counts
    assert bool(result.shed) == any(plan.shed_allowed.values())
    assert msgspec.to_builtins(plan)["mode"] == "act"


@given(tiny_scenarios())
@settings(max_examples=25, deadline=None)
def test_two_accounts_of_the_same_allocation_agree(scenario: Scenario) -> None:
    # The solver's totals come from its columns, the footprint from the plan's pools: neither knows the other.
    result = allocate(scenario, gap=0.0)
    assert result.totals is not None
    pairs = Pairs(scenario, result.partition)
    found = footprint(scenario, pairs, result.instances, planned_load(scenario, result))
    if result.flows:
        assert found.energy_j == pytest.approx(result.totals.energy_j, rel=1e-6)
        assert found.carbon_g == pytest.approx(result.totals.carbon_g, rel=1e-6, abs=1e-6)


@given(tiny_scenarios())
@settings(max_examples=25, deadline=None)
def test_equal_input_again_changes_nothing(scenario: Scenario) -> None:
    first = to_plan(scenario, allocate(scenario), epoch=1_000_000, revision=1, mode="act")
    running = tuple(
        Running(each.location, each.machine, each.mode, each.request_class, each.instances, "q")
        for each in first.slices
    )
    later = dataclasses.replace(scenario, running=running)
    second = to_plan(later, allocate(later), epoch=1_000_001, revision=1, mode="act")
    assert second.transitions == ()
    assert second.slices == first.slices
    assert {each.mode for each in second.pools} == {each.mode for each in first.pools}
    assert not [each for each in describe_changes(first, second) if "start" in each or "stop" in each]
