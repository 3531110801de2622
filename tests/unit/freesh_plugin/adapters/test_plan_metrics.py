"""Plan metrics: the contract's names and values, read back by Prometheus's own parser."""

from prometheus_client.parser import text_string_to_metric_families

from freesh_plugin.adapters.plan_metrics import plan_metrics
from freesh_plugin.core.plan_status import PlanState, RuntimeStatus, Verdict, summary_of
from tests.fakes.plans import SAMPLE_EPOCH, sample_plan


def samples(status: RuntimeStatus) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(plan_metrics(status).decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_a_plan_in_force_has_epoch_and_age() -> None:
    status = RuntimeStatus(
        "node-1",
        "0.0",
        1_800_000_090.5,
        PlanState.FRESH,
        True,
        90.5,
        summary_of(sample_plan()),
        accepted_total=3,
        holds_total={"no_price": 2},
        refusals_total={Verdict.BAD_TOKEN: 4},
    )
    seen = samples(status)
    assert seen[("freesh_plan_epoch",)] == SAMPLE_EPOCH
    assert seen[("freesh_plan_age_seconds",)] == 90.5
    assert seen[("freesh_hold_total", "no_price")] == 2
    assert seen[("freesh_plans_accepted_total",)] == 3
    assert seen[("freesh_plan_refusals_total", "bad_token")] == 4
    assert seen[("freesh_plan_refusals_total", "not_stored")] == 0


def test_without_a_plan_epoch_and_age_are_absent_not_zero() -> None:
    seen = samples(RuntimeStatus("node-1", "0.0", 0.0, PlanState.NONE, False, None, None))
    assert ("freesh_plan_epoch",) not in seen
    assert ("freesh_plan_age_seconds",) not in seen
    assert ("freesh_plan_refusals_total", "accepted") not in seen


def test_a_hold_code_with_quotes_and_newlines_stays_one_label() -> None:
    code = 'a"b\\c\nd'
    status = RuntimeStatus("node-1", "0.0", 0.0, PlanState.NONE, False, None, None, holds_total={code: 1})
    assert samples(status)[("freesh_hold_total", code)] == 1
