"""MeasuredPace: learns from steps, believes no single outlier, says when requests should be ordered anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.pace import MeasuredPace

JOB = Job(1, 0.0, 10.0, 100, 100, AnswerLength(50, 100))


def taught(*steps: tuple[int, int, float]) -> MeasuredPace:
    pace = MeasuredPace(tbt_s=0.03, prefill_s_per_token=0.0002)
    for step in steps:
        pace.observe(*step)
    return pace


def test_a_prior_answers_before_anything_is_seen() -> None:
    assert taught().service_s(JOB, 1000, 10) == pytest.approx(0.2 + 0.3)


def test_both_rates_and_the_batch_are_learnt() -> None:
    steps = [(32, 0, 0.05), (32, 0, 0.05), (32, 500, 0.05 + 500 * 0.0005)] * 200
    pace = taught(*steps)
    assert pace.tbt_s == pytest.approx(0.05, rel=0.02)
    assert pace.prefill_s_per_token == pytest.approx(0.0005, rel=0.05)
    assert pace.held_up == pytest.approx(32, rel=0.02)


def test_an_outlier_changes_nothing_and_a_slower_engine_is_believed() -> None:
    steady = [(8, 0, 0.03)] * 100
    assert taught(*steady, (8, 0, 5.0)).tbt_s == pytest.approx(taught(*steady).tbt_s)
    assert taught(*steady, *[(8, 0, 0.3)] * 200).tbt_s == pytest.approx(0.3, rel=0.02)


def test_the_revision_changes_with_the_rates_and_stays_with_noise() -> None:
    noise = [(8, 0, 0.03 + 0.001 * (-1) ** n) for n in range(200)]
    assert taught(*noise).revision == taught().revision
    assert taught(*[(8, 0, 0.06)] * 50).revision > taught().revision


@given(st.lists(st.tuples(st.integers(-1, 200), st.integers(0, 8192), st.floats(-1, 100))))
def test_answers_stay_positive_whatever_is_observed(steps: list[tuple[int, int, float]]) -> None:
    pace = taught(*steps)
    assert pace.tbt_s > 0
    assert pace.prefill_s_per_token >= 0
    assert pace.service_s(JOB, 10, 10) > 0


@given(
    before=st.lists(st.tuples(st.integers(1, 100), st.integers(0, 2000), st.floats(0.001, 2.0)), max_size=30),
    batch=st.integers(0, 200),
    first_s=st.floats(0.001, 1.0),
    growth_s=st.floats(0, 0.001),
    steps=st.integers(1, 400),
)
def test_decoding_steps_can_be_observed_together(
    before: list[tuple[int, int, float]], batch: int, first_s: float, growth_s: float, steps: int
) -> None:
    together, each = taught(*before), taught(*before)
    together.observe_decoding(batch, first_s, growth_s, steps)
    for step in range(steps):
        each.observe(batch, 0, first_s + growth_s * step)
    assert together.tbt_s == pytest.approx(each.tbt_s, rel=1e-9)
    assert together.held_up == pytest.approx(each.held_up, rel=1e-9)
    assert together.revision == each.revision
