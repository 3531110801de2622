"""FairShares and RescueBudget: who gives way, and how much rescues may take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.runtime.fairness import FairShares
from freesh_plugin.runtime.rescue import RescueBudget


def shares(*use: tuple[str, float], power: float = 1.0) -> FairShares:
    found = FairShares(memory_s=60.0, power=power)
    found.forget(0.0)
    for client, seconds in use:
        found.enter(client)
        found.charge(client, seconds)
    return found


def test_beyond_an_equal_share_requests_count_for_less() -> None:
    found = shares(("flooder", 90.0), ("other", 10.0))
    assert found.weight("other") == 1
    assert found.weight("flooder") == pytest.approx(50 / 90)
    assert shares(("flooder", 90.0), ("other", 10.0), power=0).weight("flooder") == 1


def test_alone_nobody_gives_way() -> None:
    assert shares(("only", 1000.0)).weight("only") == 1


def test_use_is_forgotten_and_does_not_pile_up() -> None:
    found = shares(("flooder", 90.0), ("other", 10.0))
    found.forget(10_000.0)
    found.charge("other", 1.0)
    assert found.weight("flooder") == 1
    assert found.weight("other") == pytest.approx(0.5)


def test_clients_that_left_have_no_share_to_be_given() -> None:
    found = shares(("a", 60.0), ("b", 20.0), ("c", 20.0))
    assert found.weight("a") == pytest.approx(100 / 3 / 60)
    found.exit("b")
    found.exit("c")
    assert found.weight("a") == 1


@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1e6), min_size=1))
def test_weights_are_shares_and_whoever_had_least_does_not_give_way(use: dict[str, float]) -> None:
    found = shares(*use.items())
    assert all(0 < found.weight(client) <= 1 for client in use)
    assert found.weight(min(use, key=lambda client: use[client])) == pytest.approx(1)


def test_a_rescue_is_always_possible_in_time_and_a_share_bounds_them() -> None:
    budget = RescueBudget(share=0.125)
    rescued = 0
    for second in range(1000):
        budget.earn(float(second), places=16)
        while budget.affords_one:
            budget.spend(4.0)  # place-seconds; an eighth of 16 places earns 2 a second
            rescued += 1
    assert rescued == pytest.approx(500, abs=2)
