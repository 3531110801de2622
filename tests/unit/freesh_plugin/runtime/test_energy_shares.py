"""Shares of measured energy: they add up to the counter, follow the work, and invent nothing."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.core.power_model import ASSUMED as POWER
from freesh_plugin.core.step_model import ASSUMED
from freesh_plugin.runtime.energy_account import Intensity, RequestEnergy
from freesh_plugin.runtime.energy_shares import EnergyShares, Joining
from freesh_plugin.runtime.energy_weights import EnergyWeights

WEIGHTS = EnergyWeights(ASSUMED, POWER)


def shares_at(now_s: float = 0.0) -> EnergyShares:
    """Shares whose first window begins now."""
    shares = EnergyShares(WEIGHTS)
    shares.measured(now_s, None)
    return shares


def served(shares: EnergyShares, at_s: float, joining: list[Joining], passes: int, alone: bool = False) -> float:
    """Some passes of 10 ms; returns when the last one ends."""
    for number in range(passes):
        shares.begin(at_s, joining if number == 0 else [], alone=alone and number == 0)
        at_s += 0.01
        shares.end(at_s)
    return at_s


def told(shares: EnergyShares, request_id: int) -> RequestEnergy:
    """What a request is told that is known."""
    energy = shares.close(request_id)
    assert energy is not None
    return energy


def test_two_alike_share_equally() -> None:
    shares = shares_at()
    at_s = served(shares, 0.0, [Joining(1, 100, 100, 100), Joining(2, 100, 100, 100)], 10)
    shares.measured(at_s, 30.0)
    assert told(shares, 1).energy_j == pytest.approx(15.0)
    assert told(shares, 2).energy_j == pytest.approx(15.0)
    assert shares.books.answered_j == pytest.approx(30.0)


def test_a_long_prompt_pays_for_its_computing_and_its_memory() -> None:
    shares = shares_at()
    at_s = served(shares, 0.0, [Joining(1, 4000, 4000, 4000), Joining(2, 100, 100, 100)], 1)
    shares.measured(at_s, 100.0)
    assert told(shares, 1).energy_j > 90

    shares = shares_at()
    at_s = served(shares, 0.0, [Joining(1, 100_000), Joining(2, 100)], 5)  # as after a preemption that kept all
    shares.measured(at_s, 100.0)
    assert 60 < told(shares, 1).energy_j < 70


def test_a_prompt_in_parts_pays_for_each_part() -> None:
    shares = shares_at()
    shares.begin(0.0, [Joining(1, 10)])
    shares.end(0.01)
    shares.begin(0.01, [Joining(2, 3000, 3000, 1000)], batch_tokens=1)
    shares.end(0.02)
    shares.measured(0.02, 10.0)
    for number in (2, 3):
        shares.begin(number / 100, batch_tokens=1 + 1000)
        shares.end((number + 1) / 100)
    shares.measured(0.04, 10.0)
    shares.begin(0.04, batch_tokens=2)
    shares.end(0.05)
    shares.measured(0.05, 10.0)
    first, second = told(shares, 1), told(shares, 2)
    assert first.energy_j + second.energy_j == pytest.approx(30.0)
    # Of the last ten joules it paid its half and no prompt; of the twenty before, nearly all of what was computed.
    assert second.energy_j > 5 + 2 * 8


def test_those_who_wait_for_a_prompt_computed_alone_pay_nothing_for_it() -> None:
    shares = shares_at()
    at_s = served(shares, 0.0, [Joining(1, 100, 100, 100)], 1)
    shares.measured(at_s, 1.0)
    at_s = served(shares, at_s, [Joining(2, 2000, 2000, 2000)], 1, alone=True)
    shares.measured(at_s, 50.0)
    at_s = served(shares, at_s, [], 10)
    shares.measured(at_s, 10.0)
    first, second = told(shares, 1), told(shares, 2)
    assert 1 < first.energy_j < 6
    assert first.energy_j + second.energy_j == pytest.approx(61.0)


def test_an_idle_time_is_nobodys() -> None:
    shares = shares_at()
    shares.measured(1.0, 70.0)
    at_s = served(shares, 1.5, [Joining(1, 10, 10, 10)], 10)
    assert shares.close(1) is None  # nothing was measured yet: not known
    shares.measured(2.0, 100.0)
    assert shares.books.idle_j == pytest.approx(70.0 + 0.9 * 70.0)
    assert shares.books.unanswered_j == pytest.approx(100.0 - 63.0)
    assert at_s == pytest.approx(1.6)


def test_the_last_part_is_estimated_and_the_error_kept() -> None:
    shares = shares_at()
    at_s = served(shares, 0.0, [Joining(1, 100, 100, 100)], 10)
    shares.measured(at_s, 20.0)
    at_s = served(shares, at_s, [], 10)
    estimated = told(shares, 1)
    assert 30 < estimated.energy_j < 40.5
    shares.measured(at_s, 25.0)
    books = shares.books
    assert books.estimate_error_j == pytest.approx(45.0 - estimated.energy_j)
    assert books.answered_j + books.estimate_error_j == pytest.approx(45.0)


def test_long_after_the_last_reading_nothing_is_estimated() -> None:
    shares = shares_at()
    at_s = served(shares, 0.0, [Joining(1, 100, 100, 100), Joining(2, 100, 100, 100)], 10)
    shares.measured(at_s, 20.0)
    at_s = served(shares, at_s, [], 190)
    assert shares.close(1) is not None
    at_s = served(shares, at_s, [], 20)
    assert shares.close(2) is None
    shares.measured(at_s, 420.0)
    books = shares.books
    assert books.answered_j + books.unanswered_j + books.estimate_error_j == pytest.approx(440.0)


def test_a_window_that_is_not_known_makes_its_requests_unknown() -> None:
    shares = shares_at()
    at_s = served(shares, 0.0, [Joining(1, 100, 100, 100)], 5)
    shares.measured(at_s, 10.0)
    at_s = served(shares, at_s, [], 5)
    shares.measured(at_s, None)
    at_s = served(shares, at_s, [Joining(2, 100, 100, 100)], 5)
    shares.measured(at_s, 10.0)
    assert shares.close(1) is None
    assert shares.close(2) is not None
    assert shares.books.answered_j + shares.books.unanswered_j == pytest.approx(20.0)


def test_carbon_follows_the_intensity_of_each_window_with_its_sign() -> None:
    shares = shares_at()
    shares.intensity = Intensity(360.0, "marginal")
    at_s = served(shares, 0.0, [Joining(1, 100, 100, 100)], 5)
    shares.measured(at_s, 10.0)
    shares.intensity = Intensity(-720.0, "marginal")
    at_s = served(shares, at_s, [], 5)
    shares.measured(at_s, 10.0)
    energy = told(shares, 1)
    assert energy.carbon_kind == "marginal"
    assert (energy.energy_j, energy.carbon_gco2e) == pytest.approx((20.0, 0.001 - 0.002))


@pytest.mark.parametrize("second", [None, Intensity(100.0, "average")])
def test_carbon_is_absent_where_a_part_is_missing_or_of_another_kind(second: Intensity | None) -> None:
    shares = shares_at()
    shares.intensity = Intensity(360.0, "marginal")
    at_s = served(shares, 0.0, [Joining(1, 100, 100, 100)], 5)
    shares.measured(at_s, 10.0)
    shares.intensity = second
    at_s = served(shares, at_s, [], 5)
    shares.measured(at_s, 10.0)
    energy = told(shares, 1)
    assert energy.energy_j == pytest.approx(20.0)
    assert (energy.carbon_gco2e, energy.carbon_kind) == (None, None)


DURATIONS = st.floats(0.0, 2.0)
JOULES = st.none() | st.floats(0.0, 1e4)


@st.composite
def deed(draw: st.DrawFn) -> Callable[[EnergyShares, float], None]:
    """Something that may happen to the shares at a time."""
    ids, kind = st.integers(0, 5), draw(st.sampled_from(["begin", "alone", "end", "leave", "close", "drop", "read"]))
    if kind in ("begin", "alone"):
        unread = draw(st.integers(0, 3000))
        tokens = unread + draw(st.integers(1, 3000))
        joining = [Joining(request_id, tokens, unread, unread // 2) for request_id in draw(st.sets(ids, max_size=3))]

        def begin(shares: EnergyShares, now_s: float) -> None:
            for each in joining:
                shares.leave(each.request_id)
            shares.begin(now_s, joining, 700, alone=kind == "alone")

        return begin
    if kind == "read":
        energy_j = draw(JOULES)
        return lambda shares, now_s: shares.measured(now_s, energy_j)
    if kind == "end":
        return EnergyShares.end
    request_id = draw(ids)
    return lambda shares, now_s: getattr(shares, kind)(request_id) and None


@given(st.lists(st.tuples(DURATIONS, deed()), max_size=60), st.floats(0.0, 1e4))
@settings(max_examples=400)
def test_shares_add_up_to_the_counter(
    story: list[tuple[float, Callable[[EnergyShares, float], None]]], last_j: float
) -> None:
    shares, now_s = shares_at(), 0.0
    for elapsed_s, do in story:
        now_s += elapsed_s
        do(shares, now_s)
    shares.measured(now_s + 0.5, last_j)
    for request_id in range(6):
        energy = shares.close(request_id)
        assert energy is None or energy.energy_j >= 0
    shares.measured(now_s + 0.5, 0.0)
    books = shares.books
    away_j = books.answered_j + books.unanswered_j + books.idle_j + books.estimate_error_j
    assert away_j == pytest.approx(books.measured_j, rel=1e-9, abs=1e-9)
