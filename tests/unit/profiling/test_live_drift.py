"""Live drift: routers that do as planned are left alone; slower or thirstier ones ask for calibration, by place."""

from dataclasses import replace

import pytest

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.plan import DemandStep, Footprint
from freesh_plugin.core.profile import TokenTable
from profiling.drift.live_drift import LiveBounds, LiveVerdict, Place, against_plan, places, pool_capacities
from profiling.fit.fit_rows import fit_rows
from profiling.live.counted_row import CountedRow
from tests.fakes.live_rows import Steady
from tests.fakes.plans import sample_plan
from tests.fakes.sweep_rows import make_rows

BOUNDS = LiveBounds()


def table() -> TokenTable:
    return fit_rows(make_rows(), "TP2xA100", "A100").table()


def judged(rows: list[CountedRow]) -> dict[tuple[str, str], LiveVerdict]:
    seen = places(table(), rows)
    return {(each.where, each.quantity): each for place in seen for each in place.verdicts(BOUNDS)}


@pytest.mark.parametrize("clock_mhz", [1980.0, 1110.0])
@pytest.mark.parametrize("batch", [1, 8, 20])
def test_a_router_that_does_as_planned(clock_mhz: float, batch: int) -> None:
    """The profile was fitted to the same models; between its points it is straight, and so a little off."""
    found = judged(Steady(batch=batch, sm_clock_mhz=clock_mhz, every_s=120).rows())
    assert found["loc1, default", "energy"].off == pytest.approx(0, abs=0.04)
    assert found["loc1, default", "capacity"].off == pytest.approx(0, abs=0.04)


def test_a_slower_one_is_below_plan_in_capacity_only_where_it_is() -> None:
    slow = Steady(router="http://r2", location="loc2", slower=1.3)
    found = judged([*Steady().rows(), *slow.rows()])
    assert found["loc2, default", "capacity"].off == pytest.approx(1 / 1.3 - 1, abs=0.04)
    assert found["loc2, default", "capacity"].drifted
    assert not found["loc1, default", "capacity"].drifted
    assert "below plan, beyond the bound of 10%" in found["loc2, default", "capacity"].sentence


def test_a_thirstier_one_is_above_plan_in_energy() -> None:
    found = judged(Steady(thirstier=1.25).rows())
    assert found["loc1, default", "energy"].off == pytest.approx(0.25, abs=0.05)
    assert found["loc1, default", "energy"].drifted
    assert not found["loc1, default", "capacity"].drifted


def test_prefills_that_share_a_pass_with_decoding_count_as_both() -> None:
    """As the planner reckons: at worst they add, so that sharing looks faster than planned, never slower."""
    rows = Steady().rows()
    joined = [
        replace(
            row,
            counted=replace(
                row.counted,
                joined_passes=row.counted.prefill_passes,
                decode_passes=(row.counted.decode_passes or 0) - (row.counted.prefill_passes or 0),
            ),
        )
        for row in rows
    ]
    assert judged(joined)["loc1, default", "capacity"].off == pytest.approx(0, abs=0.04)


def test_a_router_that_was_started_anew_meanwhile_loses_that_window_alone() -> None:
    first, second, *_ = Steady().rows()
    rows = [first, second, *(replace(row, at_s=row.at_s + 600) for row in Steady().rows())]
    (place,) = places(table(), rows)
    assert place.compared == 4
    assert place.left_out == {"the router was started anew": 1}


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (Steady(requests=5).rows(), "15 answers can be compared, at least 30"),
        (Steady(prompt_tokens=9000).rows(), "left out: prefill at batch 1: 9000 tokens"),
        (
            [replace(row, counted=replace(row.counted, decode_s=None)) for row in Steady().rows()],
            "does not count its work",
        ),
    ],
)
def test_what_cannot_be_judged_says_why(rows: list[CountedRow], why: str) -> None:
    for verdict in judged(rows).values():
        assert verdict.off is None
        assert why in verdict.sentence


def test_without_an_energy_counter_capacity_is_judged_alone() -> None:
    found = judged(Steady(metered=False).rows())
    assert "no energy counter" in found["loc1, default", "energy"].sentence
    assert found["loc1, default", "capacity"].off is not None


def test_two_looks_are_needed() -> None:
    with pytest.raises(ProfileError, match="no two looks"):
        places(table(), Steady().rows(1))


# Against a plan: 2 instances at loc1, 1.5 req/s


def seen(**changes: object) -> list[Place]:
    both = [Steady(router=f"http://r{k}", requests=45, **changes).rows() for k in range(2)]  # type: ignore[arg-type]
    return places(table(), [row for rows in both for row in rows])


def test_the_fleet_against_the_plans_energy() -> None:
    power_w = sum(place.power_w for place in seen())
    plan = sample_plan(predicted=Footprint(energy_j=power_w * 1800))
    assert against_plan(plan, seen(), BOUNDS, 1.0).off == pytest.approx(0)
    assert against_plan(plan, seen(), BOUNDS, 1.2).off == pytest.approx(0.2)
    assert against_plan(plan, seen(thirstier=1.5), BOUNDS, 1.0).drifted


def test_the_plans_energy_is_judged_only_where_like_is_compared_with_like() -> None:
    plan = sample_plan()
    busier = sample_plan(demand=(DemandStep("default", "SS", "any", "default", 0, 3.0, 4.0, 0.95),))
    for verdict, why in (
        (against_plan(plan, seen()[:0], BOUNDS, 1.0), "0 routers were looked at, the plan has 2 instances"),
        (against_plan(busier, seen(), BOUNDS, 1.0), "demand was -50.0% off"),
        (against_plan(plan, seen(metered=False), BOUNDS, 1.0), "no energy counter"),
    ):
        assert verdict.off is None
        assert why in verdict.sentence


def test_capacity_of_the_plans_pools_by_what_was_measured() -> None:
    plan = sample_plan()
    (pool,) = plan.pools
    (told,) = pool_capacities(plan, pool.mode, seen(slower=1.25), BOUNDS)
    assert told.planned_rps == 2 * pool.capacity_rps
    assert told.measured_rps == pytest.approx(told.planned_rps / 1.25, rel=0.04)
    assert pool_capacities(plan, "another mode", seen(), BOUNDS) == []
