"""The chance that laxity runs out: exact lengths, and uncertain ones."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.laxity import chance_first_token_is_late, chance_laxity_runs_out, chance_stretch_runs_out
from freesh_plugin.core.length_model import LengthModel
from freesh_plugin.core.lengths import AnswerLength

EXACT = LengthModel(AnswerLength(100, 100), 1000)


@pytest.mark.parametrize(
    ("room_s", "chance"),
    [
        (9.0, 0.0),  # late already: 100 tokens of 0.1 s need 10 s
        (10.5, 1.0),  # 0.5 s to spare, gone within 2 s
        (11.9, 1.0),
        (12.5, 0.0),  # 2.5 s to spare
    ],
)
def test_exact_lengths_run_out_of_laxity_within_the_delay_or_not(room_s: float, chance: float) -> None:
    found = chance_laxity_runs_out(EXACT, 0, room_s, start_s=0.0, tbt_s=0.1, delay_s=2.0)
    assert found == pytest.approx(chance, abs=1e-6)


def test_tokens_that_are_there_and_work_before_the_next_one_count() -> None:
    # 40 tokens are there, 60 to come: 6 s, after 1 s to resume.
    assert chance_laxity_runs_out(EXACT, 40, 7.5, 1.0, 0.1, 2.0) == pytest.approx(1)
    assert chance_laxity_runs_out(EXACT, 40, 6.5, 1.0, 0.1, 2.0) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("waited_s", "chance"), [(1.0, 0.0), (2.5, 1.0), (4.5, 0.0)])
def test_a_moving_deadline_runs_out_when_the_wait_reaches_its_share_of_the_service(
    waited_s: float, chance: float
) -> None:
    # Service 10 s, of which 0.4 may be waited for: 4 s.
    found = chance_stretch_runs_out(EXACT, 0, waited_s, prefill_s=0.0, tbt_s=0.1, delay_s=2.0, spare=0.4)
    assert found == pytest.approx(chance, abs=1e-6)


@given(
    st.floats(10, 1000),
    st.floats(1.1, 8),
    st.integers(0, 500),
    st.floats(-20, 100),
    st.floats(0, 5),
    st.floats(0.1, 60),
    st.floats(0.1, 60),
)
def test_a_longer_delay_never_costs_less(
    q50: float, ratio: float, generated: int, room_s: float, start_s: float, delay_s: float, more_s: float
) -> None:
    length = LengthModel(AnswerLength(q50, q50 * ratio), 4096)
    short = chance_laxity_runs_out(length, generated, room_s, start_s, 0.05, delay_s)
    long = chance_laxity_runs_out(length, generated, room_s, start_s, 0.05, delay_s + more_s)
    assert 0 <= short <= long + 1e-9 <= 1 + 2e-9


@given(st.floats(10, 1000), st.floats(1.1, 8), st.integers(0, 500), st.floats(0, 100), st.floats(0.1, 60))
def test_a_longer_answer_forgives_a_longer_wait(
    q50: float, ratio: float, generated: int, waited_s: float, delay_s: float
) -> None:
    """With all delays from now on, the chances add up to that of still being in time: falling with the wait."""
    length = LengthModel(AnswerLength(q50, q50 * ratio), 4096)
    in_time_now = chance_stretch_runs_out(length, generated, waited_s, 0.1, 0.05, 1e6, 0.4)
    in_time_later = chance_stretch_runs_out(length, generated, waited_s + delay_s, 0.1, 0.05, 1e6, 0.4)
    assert in_time_later <= in_time_now + 1e-9


@pytest.mark.parametrize(
    ("room_s", "chance"),
    [
        (4.0, exp(-2.35 / 2.0)),  # of 4 s, 1.25 go to the prompt and 0.4 are set aside
        (1.65, 1.0),  # nothing is left to wait
        (0.8, 1.0),  # it is in time if the prompt takes a fifth less
        (0.7, 0.0),  # it would be late even if it took a quarter less
        (-0.1, 0.0),  # it is late, whatever is done
    ],
)
def test_a_first_token_is_late_when_its_wait_outlasts_its_laxity(room_s: float, chance: float) -> None:
    assert chance_first_token_is_late(room_s, start_s=1.0, bound_s=4.0, delay_s=2.0) == pytest.approx(chance)


@given(st.floats(0, 60), st.floats(0, 60), st.floats(0, 10), st.floats(0.1, 60), st.floats(0.1, 60))
def test_the_less_room_and_the_longer_the_wait_the_likelier_it_is_late(
    room_s: float, more_s: float, start_s: float, bound_s: float, delay_s: float
) -> None:
    room_s += start_s  # below that it may be given up
    found = chance_first_token_is_late(room_s, start_s, bound_s, delay_s)
    assert 0 <= chance_first_token_is_late(room_s + more_s, start_s, bound_s, delay_s) <= found <= 1
    assert found <= chance_first_token_is_late(room_s, start_s, bound_s, delay_s + more_s)
