"""PlanKeeper: order, waiting plans, ageing, and clocks that jump."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.plan_document import PlanDocument
from freesh_plugin.core.plan_status import PlanState, Verdict
from freesh_plugin.runtime.plan_keeper import PlanKeeper
from tests.fakes.plans import SAMPLE_EPOCH, sample_plan

LEAD_S = 21_600
START_S = 1_800_000_000  # first second of SAMPLE_EPOCH


@cache
def document(offset: int = 0, revision: int = 1, instances: int = 2) -> PlanDocument:
    return PlanDocument(sample_plan(SAMPLE_EPOCH + offset, revision, instances=instances), b"")


def offer(keeper: PlanKeeper, offered: PlanDocument, now_s: float = START_S) -> Verdict:
    verdict = keeper.offer(offered, now_s).verdict
    if verdict is Verdict.ACCEPTED:
        keeper.keep(offered)
    return verdict


def in_force(keeper: PlanKeeper, now_s: float) -> tuple[int, int] | None:
    found = keeper.view(now_s).in_force
    return found.order if found else None


@pytest.mark.parametrize(
    ("offset", "revision", "instances", "expected"),
    [
        (0, 2, 2, Verdict.UNCHANGED),
        (0, 2, 5, Verdict.OUT_OF_ORDER),
        (0, 1, 2, Verdict.OUT_OF_ORDER),
        (-1, 9, 2, Verdict.OUT_OF_ORDER),
        (0, 3, 2, Verdict.ACCEPTED),
        (1, 1, 2, Verdict.ACCEPTED),
    ],
)
def test_a_plan_is_taken_only_if_newer_or_the_same(
    offset: int, revision: int, instances: int, expected: Verdict
) -> None:
    keeper = PlanKeeper(LEAD_S)
    keeper.keep(document(0, 2))
    assert keeper.offer(document(offset, revision, instances), START_S).verdict is expected


def test_refusals_say_what_is_held() -> None:
    keeper = PlanKeeper(LEAD_S)
    keeper.keep(document(0, 2))
    assert keeper.offer(document(0, 1), START_S).reason == (
        "epoch 1000000 revision 1 is older than epoch 1000000 revision 2, which is held"
    )
    assert keeper.offer(document(0, 2, 5), START_S).reason == (
        "epoch 1000000 revision 2 is held with another digest; a change needs a new revision"
    )


def test_an_offer_alone_changes_nothing() -> None:
    keeper = PlanKeeper(LEAD_S)
    keeper.offer(document(), START_S)
    assert keeper.held == ()


def test_the_next_plan_waits_while_the_present_one_stays_in_force() -> None:
    keeper = PlanKeeper(LEAD_S)
    offer(keeper, document(0))
    offer(keeper, document(1), START_S + 1_200)
    before = keeper.view(START_S + 1_799.9)
    assert (before.in_force, before.state, before.waiting) == (document(0), PlanState.FRESH, (document(1),))
    after = keeper.view(START_S + 1_800)
    assert (after.in_force, after.state, after.age_s, after.waiting) == (document(1), PlanState.FRESH, 0.0, ())


@pytest.mark.parametrize(
    ("age_s", "state"),
    [
        (0, PlanState.FRESH),
        (1_799.999, PlanState.FRESH),
        (1_800, PlanState.STALE),
        (5_399.999, PlanState.STALE),
        (5_400, PlanState.EXPIRED),
        (1e9, PlanState.EXPIRED),
    ],
)
def test_a_plan_ages_and_stays_in_force(age_s: float, state: PlanState) -> None:
    keeper = PlanKeeper(LEAD_S)
    offer(keeper, document())
    view = keeper.view(START_S + age_s)
    assert (view.in_force, view.state) == (document(), state)
    assert view.age_s == pytest.approx(age_s)


def test_without_a_plan_that_has_begun_none_is_in_force() -> None:
    keeper = PlanKeeper(LEAD_S)
    assert keeper.view(START_S).state is PlanState.NONE
    offer(keeper, document())
    view = keeper.view(START_S - 1)
    assert (view.in_force, view.state, view.age_s, view.waiting) == (None, PlanState.NONE, None, (document(),))


def test_a_new_revision_replaces_the_old_one_at_once() -> None:
    keeper = PlanKeeper(LEAD_S)
    offer(keeper, document(0, 1))
    assert keeper.keep(document(0, 2)) == (document(0, 1),)
    assert in_force(keeper, START_S + 60) == (SAMPLE_EPOCH, 2)


def test_several_waiting_plans_come_into_force_in_turn() -> None:
    keeper = PlanKeeper(LEAD_S)
    for offset in (0, 1, 2):
        offer(keeper, document(offset))
    assert [in_force(keeper, START_S + 1_800 * i) for i in range(4)] == [
        (SAMPLE_EPOCH, 1),
        (SAMPLE_EPOCH + 1, 1),
        (SAMPLE_EPOCH + 2, 1),
        (SAMPLE_EPOCH + 2, 1),
    ]


@pytest.mark.parametrize(("offset", "verdict"), [(12, Verdict.ACCEPTED), (13, Verdict.INVALID)])
def test_a_plan_too_far_ahead_is_refused_at_the_limit(offset: int, verdict: Verdict) -> None:
    # 6 h after the start of an epoch is the start of the twelfth one after it.
    assert PlanKeeper(LEAD_S).offer(document(offset), START_S).verdict is verdict


def test_too_far_ahead_names_value_limit_and_path() -> None:
    reason = PlanKeeper(LEAD_S).offer(document(13), START_S).reason
    assert reason == (
        "$.epoch: 1000013 starts 23400 s ahead of this machine's clock, limit 21600 s; compare the clocks"
    )


def test_a_plan_taken_while_the_clock_ran_ahead_does_not_block_the_true_ones() -> None:
    keeper = PlanKeeper(LEAD_S)
    offer(keeper, document(0))
    assert offer(keeper, document(500), START_S + 500 * 1_800) is Verdict.ACCEPTED
    assert in_force(keeper, START_S + 60) == (SAMPLE_EPOCH, 1)
    assert offer(keeper, document(1), START_S + 1_200) is Verdict.ACCEPTED
    assert keeper.held == (document(0), document(1))


def test_a_clock_that_jumps_and_comes_back_changes_nothing() -> None:
    keeper = PlanKeeper(LEAD_S)
    offer(keeper, document(0))
    offer(keeper, document(1))
    for wrong_s in (0.0, START_S + 86_400.0, START_S - 86_400.0):
        keeper.view(wrong_s)
        offer(keeper, document(0), wrong_s)
    assert in_force(keeper, START_S + 60) == (SAMPLE_EPOCH, 1)
    assert in_force(keeper, START_S + 1_860) == (SAMPLE_EPOCH + 1, 1)


def test_what_is_held_is_bounded() -> None:
    keeper = PlanKeeper(3_600)
    for offset in range(50):
        offer(keeper, document(offset), START_S + offset * 1_800)
    assert [held.plan.epoch - SAMPLE_EPOCH for held in keeper.held] == [46, 47, 48, 49]


orders = st.tuples(st.integers(0, 12), st.integers(1, 3), st.integers(1, 2))


@given(st.lists(orders, min_size=1, max_size=20), st.integers(0, 40))
def test_whatever_the_order_of_arrival_the_newest_wins(offers: list[tuple[int, int, int]], steps: int) -> None:
    keeper = PlanKeeper(LEAD_S)
    newest = [keeper.held[-1].order for offered in offers if offer(keeper, document(*offered)) or keeper.held]
    assert newest == sorted(newest)
    assert newest[-1] == max((SAMPLE_EPOCH + offset, revision) for offset, revision, _ in offers)
    # One plan an epoch, in order: at no time are there two answers.
    epochs = [held.plan.epoch for held in keeper.held]
    assert epochs == sorted(set(epochs))
    view = keeper.view(START_S + steps * 900)
    assert len(view.waiting) + (view.in_force is not None) <= len(keeper.held)


@given(st.lists(orders, max_size=10), orders)
def test_offering_twice_is_as_good_as_once(offers: list[tuple[int, int, int]], last: tuple[int, int, int]) -> None:
    keeper = PlanKeeper(LEAD_S)
    for offered in offers:
        offer(keeper, document(*offered))
    first = offer(keeper, document(*last))
    before = keeper.held
    second = offer(keeper, document(*last))
    assert keeper.held == before
    assert second is (Verdict.UNCHANGED if first is Verdict.ACCEPTED else first)


@given(st.lists(orders, max_size=15), st.lists(st.floats(-1e5, 1e5), min_size=2, max_size=2))
def test_as_time_goes_on_the_plan_in_force_never_goes_back(
    offers: list[tuple[int, int, int]], times: list[float]
) -> None:
    keeper = PlanKeeper(LEAD_S)
    for offered in offers:
        offer(keeper, document(*offered))
    earlier, later = (in_force(keeper, START_S + time_s) or (0, 0) for time_s in sorted(times))
    assert earlier <= later
