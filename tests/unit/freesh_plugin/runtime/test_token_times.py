"""Waits for tokens: to the first one, and from pass to pass."""

import pytest

from freesh_plugin.core.generation import FailureEvent, FailureKind, GenerationEvent, Token, TokensEvent
from freesh_plugin.runtime.token_times import TokenTimes


def tokens(*request_ids: int) -> list[GenerationEvent]:
    return [TokensEvent(request_id, [Token(1, "a", 0.0)]) for request_id in request_ids]


def test_the_first_token_ends_a_wait_and_others_come_from_pass_to_pass() -> None:
    times = TokenTimes()
    times.arrived(1, 10.0)
    times.arrived(2, 10.5)
    assert times.waiting_age_s(11.0) == pytest.approx(1.0)
    times.told(tokens(1), 12.0)
    assert times.waiting_age_s(12.0) == pytest.approx(1.5)
    times.told(tokens(1, 2), 12.25)
    times.told(tokens(1, 2), 12.5)
    assert times.take(12.5) == ((2.0, 1.75), (0.25, 0.25))
    assert times.waiting_age_s(13.0) == 0


def test_a_prompt_computed_alone_lengthens_the_wait_of_the_others() -> None:
    times = TokenTimes()
    times.arrived(1, 0.0)
    times.told(tokens(1), 1.0)
    times.told(tokens(1), 1.1)
    times.arrived(2, 1.1)
    times.told(tokens(2), 1.5)
    times.told(tokens(1, 2), 1.6)
    assert times.take(1.6)[1] == pytest.approx((0.1, 0.5))


def test_a_rest_is_nobodys_wait_and_a_pass_that_hangs_counts_by_its_age() -> None:
    times = TokenTimes()
    times.arrived(1, 0.0)
    times.told(tokens(1), 1.0)
    times.told(tokens(1), 1.1)
    assert times.take(1.2)[1] == pytest.approx((0.1,))
    assert times.take(4.1)[1] == pytest.approx((3.0,))
    times.rest()
    assert times.take(9.0) == ((), ())
    times.arrived(2, 9.0)
    times.told(tokens(2), 9.5)
    assert times.take(9.5)[0] == (0.5,)


def test_who_fails_or_leaves_waits_no_more() -> None:
    times = TokenTimes()
    for request_id in (1, 2):
        times.arrived(request_id, 0.0)
    times.told([FailureEvent(1, FailureKind.OVERLOADED, "no room")], 1.0)
    times.gone(2)
    assert times.waiting_age_s(5.0) == 0
    assert times.take(5.0) == ((), ())


def test_nobody_looks() -> None:
    times = TokenTimes()
    times.arrived(1, 0.0)
    for number in range(10_000):
        times.told(tokens(1), number / 100)
    assert len(times.take(100.0)[1]) == 4096


@pytest.mark.parametrize("rests", [False, True])
def test_decoding_passes_can_be_told_together(rests: bool) -> None:
    together, each = TokenTimes(), TokenTimes()
    for times in (together, each):
        times.arrived(1, 0.0)
        times.told(tokens(1), 1.0)
        if rests:
            times.rest()
    together.decoded(1.5, (0.125, 0.25, 0.5))
    for ended_s in (1.625, 1.875, 2.375):
        each.told(tokens(1), ended_s)
    assert together.take(2.375) == each.take(2.375)
    together.decoded(2.375, ())
    for times in (together, each):
        times.told(tokens(1), 3.0)
    assert together.take(3.0) == each.take(3.0) == ((), (0.625,))
