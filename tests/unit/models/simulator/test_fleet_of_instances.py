"""The fleet with the simulated instances that it is made for: changes on the way, clocks that follow."""

from dataclasses import replace

import pytest

from freesh_plugin.runtime.governor_settings import GovernorSettings
from models.domain.engine import EngineModel
from models.simulator.fleet_run import FleetRun
from models.simulator.instance import SimulatedInstance
from models.simulator.instance_types import InstanceSettings, InstanceSink
from tests.fakes.plain_fleet import ENGINES, HERE, STARTUP_J, THERE, fleet, location, pool, request, run, scores, target

KWH = 3.6e6
CLOCKS_MHZ = tuple(range(840, 1981, 60))
MIAD = InstanceSettings(governor=GovernorSettings())


def governed(engine: EngineModel, _: InstanceSettings, sink: InstanceSink, start_s: float) -> SimulatedInstance:
    """An instance whose clock follows its service."""
    return SimulatedInstance(engine, MIAD, sink, start_s)


def changing(make: object = SimulatedInstance) -> FleetRun:
    """Two requests a second for a minute and a half, while classes, modes and locations change."""
    engines = {
        name: replace(each, kv_tokens=20_000, max_batch=16, clocks_mhz=CLOCKS_MHZ) for name, each in ENGINES.items()
    }
    places = fleet(
        location(HERE),
        location(THERE, gpus=2),
        engines=engines,
        start=target(0, {pool(HERE, "S"): 2, pool(HERE, "L"): 2}),
    )
    requests = [request(0.5 * each, 20 + 7 * (each % 40), session=each % 5, client=each % 3) for each in range(180)]
    return run(
        places,
        requests,
        target(20, {pool(HERE, "S", "two"): 1, pool(HERE, "L"): 2}),
        target(60, {pool(HERE, "L", "two"): 1, pool(THERE, "S"): 2}, {HERE: 0.5, THERE: 0.5}),
        duration_s=90.0,
        make_instance=make,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("make", [SimulatedInstance, governed])
def test_changes_on_the_way_lose_nothing(make: object) -> None:
    found = changing(make)
    scored = scores(found)
    assert (scored.offered, scored.finished) == (180, 180)
    assert scored.starts >= 3
    assert scored.loading_kwh * KWH == pytest.approx(scored.starts * STARTUP_J)
    assert scored.parked_kwh * KWH == pytest.approx(50 * (6 * 90 - found.gpu_s))


def test_a_clock_that_follows_draws_less_than_the_highest() -> None:
    follows, highest = scores(changing(governed)), scores(changing())
    assert follows.clock_changes_per_min > 0
    assert highest.clock_changes_per_min == 0
    assert follows.busy_kwh + follows.idle_kwh < highest.busy_kwh + highest.idle_kwh


def test_the_same_run_twice_is_the_same() -> None:
    first, second = (replace(scores(changing(governed)), wall_s=0.0) for _ in range(2))
    assert first == second
