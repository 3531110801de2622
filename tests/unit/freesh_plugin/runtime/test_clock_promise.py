"""What the governor keeps: the tightest of the plan's pools here, else the settings' own."""

import msgspec
import pytest

from freesh_plugin.core.plan import ClockBounds, InstanceBand, Plan, PlanMode, Slo
from freesh_plugin.runtime.clock_promise import ClockPromise
from tests.fakes.plans import sample_plan


def plan(mode: PlanMode = PlanMode.ACT) -> Plan:
    base = sample_plan(mode=mode)
    pool = msgspec.structs.replace(base.pools[0], location="here", model="m")
    pools = (
        msgspec.structs.replace(pool, slo=Slo(6.0, 0.5, 0.1), sm_clock_mhz=ClockBounds(900, 1800)),
        msgspec.structs.replace(pool, slo=Slo(4.0, 0.3, 0.2), sm_clock_mhz=ClockBounds(1000, None)),
        msgspec.structs.replace(pool, slo=Slo(4.0, 0.0, 0.0)),
        msgspec.structs.replace(pool, slo=Slo(1.0, 0.01, 0.01), location="there"),
        msgspec.structs.replace(pool, slo=Slo(1.0, 0.01, 0.01), model="another"),
    )
    return msgspec.structs.replace(base, pools=pools)


def test_the_tightest_pool_of_this_model_here_counts() -> None:
    promise = ClockPromise(2.0, 0.15, "m", "here")
    assert (promise.slo.ttft_s, promise.slo.tbt_s, promise.bounds) == (2.0, 0.15, ClockBounds())
    promise.take(plan())
    assert (promise.slo.ttft_s, promise.slo.tbt_s) == (0.3, 0.1)
    assert promise.bounds == ClockBounds(1000, 1800)


def test_a_plan_that_only_advises_sets_no_bounds() -> None:
    promise = ClockPromise(2.0, 0.15, "m", "here")
    promise.take(plan(PlanMode.ADVISE))
    assert promise.slo.ttft_s == 0.3
    assert promise.bounds == ClockBounds()


def test_a_plan_without_pools_here_leaves_the_settings() -> None:
    promise = ClockPromise(2.0, 0.15, "m", "nowhere")
    promise.take(plan())
    assert (promise.slo.ttft_s, promise.slo.tbt_s, promise.bounds) == (2.0, 0.15, ClockBounds())


def two_modes() -> Plan:
    base = plan()
    pool = msgspec.structs.replace(base.pools[0], mode="TP4xH100", sm_clock_mhz=ClockBounds())
    capped = msgspec.structs.replace(pool, mode="TP4xH100@1005", sm_clock_mhz=ClockBounds(700, 1005))
    return msgspec.structs.replace(base, pools=(pool, capped))


def emptied(plan: Plan, mode: str) -> Plan:
    none = InstanceBand(0, 0, 0)
    pools = (each if each.mode != mode else msgspec.structs.replace(each, instances=none) for each in plan.pools)
    return msgspec.structs.replace(plan, pools=tuple(pools))


@pytest.mark.parametrize(
    ("pool_mode", "bounds"),
    [
        ("TP4xH100", ClockBounds()),
        ("TP4xH100@1005", ClockBounds(700, 1005)),
        ("another", ClockBounds(700, 1005)),
        (None, ClockBounds(700, 1005)),
    ],
)
def test_bounds_are_those_of_its_own_mode_else_the_tightest(pool_mode: str | None, bounds: ClockBounds) -> None:
    promise = ClockPromise(2.0, 0.15, "m", "here", pool_mode)
    promise.take(two_modes())
    assert promise.bounds == bounds


def test_a_pool_without_instances_bounds_nobody_of_another_mode() -> None:
    promise = ClockPromise(2.0, 0.15, "m", "here")
    promise.take(emptied(two_modes(), "TP4xH100@1005"))
    assert promise.bounds == ClockBounds()
    promise.take(emptied(emptied(two_modes(), "TP4xH100@1005"), "TP4xH100"))
    assert promise.bounds == ClockBounds(700, 1005), "whatever runs here still is one of these"
