"""The status table: what people see, and that names can neither colour nor drive their terminal."""

import io

import pytest
from rich.console import Console

from freesh_plugin.adapters.status_table import show_status
from freesh_plugin.core.plan import Hold, PlanMode
from freesh_plugin.core.plan_status import PlanState, RuntimeStatus, Verdict, summary_of
from tests.fakes.plans import SAMPLE_EPOCH, sample_plan


def shown(status: RuntimeStatus, terminal: bool = False) -> str:
    out = io.StringIO()
    show_status(status, Console(file=out, width=120, force_terminal=terminal, color_system=None))
    return out.getvalue()


def a_status(state: PlanState = PlanState.FRESH, **changes: object) -> RuntimeStatus:
    plan = sample_plan()
    values: dict[str, object] = {
        "name": "node-1",
        "version": "0.0",
        "utc_s": plan.valid_from + 754.0,
        "state": state,
        "acting": True,
        "age_s": 754.0,
        "plan": summary_of(plan),
        "pools": plan.pools,
        "holds": plan.holds,
    }
    return RuntimeStatus(**(values | changes))  # type: ignore[arg-type]  # a builder of many kinds of status


def test_a_fresh_plan_is_shown_with_its_times_pools_and_holds() -> None:
    text = shown(a_status())
    for part in (
        "node-1 (freesh 0.0)",
        "fresh, in force",
        f"epoch {SAMPLE_EPOCH} revision 1 of scenario sample",
        "12 min 34 s since 2027-01-15 08:00:00Z",
        "2027-01-15 08:30:00Z",
        "2027-01-15 09:30:00Z",
        "TP2xA100",
        "1-3",
        "No prices are known, so cost is left out.",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (PlanState.STALE, "stale, wholly in force, a newer plan is due"),
        (PlanState.EXPIRED, "expired, last good routes and service levels go on"),
    ],
)
def test_an_old_plan_says_what_that_means(state: PlanState, words: str) -> None:
    assert words in shown(a_status(state))


def test_without_a_plan_only_that_is_said() -> None:
    text = shown(a_status(PlanState.NONE, acting=False, age_s=None, plan=None, pools=(), holds=()))
    assert "none, no plan is in force" in text
    assert "Pools" not in text


def test_an_advise_plan_says_that_it_is_not_acted_on() -> None:
    plan = summary_of(sample_plan(mode=PlanMode.ADVISE))
    assert "advise (shown, not acted on)" in shown(a_status(acting=False, plan=plan))


def test_waiting_plans_and_refusals_are_listed() -> None:
    waiting = (summary_of(sample_plan(epoch=SAMPLE_EPOCH + 3, revision=2)),)
    text = shown(a_status(waiting=waiting, refusals_total={Verdict.TOO_LARGE: 7}, last_refusal="too_large: huge"))
    assert f"epoch {SAMPLE_EPOCH + 3} revision 2 (act) in 1 h 17 min, at 2027-01-15 09:30:00Z" in text
    assert "too_large" in text
    assert "too_large: huge" in text


def test_names_are_neither_markup_nor_escape_sequences() -> None:
    text = shown(a_status(name="[red]x[/red]", holds=(Hold("code", "\x1b[31mred\x07"),)), terminal=True)
    assert "[red]x[/red]" in text
    assert "\\x1b[31mred\\x07" in text
    assert "\x1b[31m" not in text
    assert "\x07" not in text
