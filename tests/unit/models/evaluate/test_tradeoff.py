"""What a token takes at each clock: slower clocks take longer and draw less; one clock is marked a mode."""

from itertools import pairwise

import pytest

from models.domain.lengths import RequestLength
from models.evaluate.site import Site, three_locations
from models.evaluate.tradeoff import tradeoff_of

LENGTHS = [RequestLength(p, a, 1.0) for p in (300, 2_000) for a in (100, 300, 700)]


@pytest.fixture(scope="module")
def site() -> Site:
    return three_locations(LENGTHS, ("A", "B", "C"))


def test_clocks_trade_time_for_watts(site: Site) -> None:
    rows = tradeoff_of(site)
    assert {each.mode for each in rows} == {"TP4xA100", "TP4xH100"}
    for mode in ("TP4xA100", "TP4xH100"):
        own = [each for each in rows if each.mode == mode]
        assert all(a.sm_clock_mhz < b.sm_clock_mhz and a.tbt_s > b.tbt_s for a, b in pairwise(own))
        assert all(a.power_w < b.power_w for a, b in pairwise(own))
        (chosen,) = (each for each in own if each.chosen)
        assert chosen.token_j == min(each.token_j for each in own)
        assert chosen.basis == "modelled"


def test_joules_are_watts_of_all_gpus_over_the_batch(site: Site) -> None:
    row = tradeoff_of(site)[0]
    assert row.token_j == pytest.approx(4 * row.power_w * row.tbt_s / row.batch)
