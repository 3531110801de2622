"""Where the reference or a baseline serves better is said, by every measure that is kept."""

from collections.abc import Callable
from dataclasses import replace

from models.evaluate.report.results import Results
from models.evaluate.report.sections.less_service import of_service
from models.simulator.run_scores import RunScores
from tests.fakes.made_up_results import made_up_results

RESULTS = made_up_results()
HOURS = list(dict.fromkeys(each.hour for each in RESULTS.runs))
EQUAL = {
    "slo_attainment": 0.999, "attainment_relaxed": 0.99, "attainment_tight": 0.9, "latency_p50_s": 3.0,
    "latency_p95_s": 9.0, "tbt_p95_s": 0.05, "p99_stall_s": 2.0,
}  # fmt: skip


def said(**ours: float) -> str:
    """What is said where all serve alike but FREESH, in every hour."""
    return " ".join(of_service(_served(lambda run: ours if run.policy == "freesh" else {})))


def _served(changes: Callable[[RunScores], dict[str, float]]) -> Results:
    def served(run: RunScores) -> RunScores:
        return replace(run, **{**EQUAL, **changes(run)})  # type: ignore[arg-type]

    return replace(RESULTS, runs=tuple(map(served, RESULTS.runs)))


def test_nothing_is_said_where_all_serve_alike() -> None:
    assert said() == ""
    assert said(latency_p50_s=3.1, attainment_relaxed=0.989) == ""


def test_hours_of_less_service_than_the_reference_are_counted() -> None:
    worse = {(HOURS[0], "freesh"): 0.99, (HOURS[1], "freesh"): 0.998}
    results = _served(lambda run: {"slo_attainment": worse.get((run.hour, run.policy), 0.999)})
    first = of_service(results)[0]
    assert f"In 1 of {len(HOURS)} hours service is more than 0.2 points below the reference's" in first
    assert "\N{MINUS SIGN}0.90 points" in first


def test_the_best_baseline_of_each_hour_is_looked_at_too() -> None:
    better = {(HOURS[1], "previous_plan_held"): 1.0}
    results = _served(lambda run: {"slo_attainment": better.get((run.hour, run.policy), 0.99)})
    (only,) = of_service(results)
    assert f"In 1 of {len(HOURS)} hours service is more than 0.2 points below that of the hour's best baseline" in only
    perfect = _served(lambda run: {"slo_attainment": 1.0 if run.policy == "freesh_perfect" else 0.99})
    assert of_service(perfect) == []


def test_absolute_tiers_are_told_apart_from_the_slo_of_classes() -> None:
    text = said(attainment_relaxed=0.97).replace("\N{NO-BREAK SPACE}", " ")
    assert "97.00 % of requests have TTFT within 2 s and TBT within 200 ms, against 99.00 % under the reference" in text
    assert "450 ms" not in text


def test_slower_requests_are_told() -> None:
    text = said(latency_p50_s=4.5, p99_stall_s=2.2).replace("\N{NO-BREAK SPACE}", " ")
    assert "median latency 4.5 s against 3.0 s, 99 % stall 2.2 s against 2.0 s" in text
