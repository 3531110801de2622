"""The autoscaler's calm: nothing goes on the word of one look, as Kubernetes' stabilisation window has it."""

from freesh_plugin.core.request import Partition
from models.simulator.autoscaler import Autoscaler, Group, Slot, Thresholds
from models.simulator.fleet_target import FleetTarget, FleetView, PoolKey, PoolTarget, PoolView

KEY = PoolKey("a", "m", "all", "TP1")
GROUP = Group(tuple(Slot("a", "TP1", 2.0) for _ in range(7)), ("a",))
START = FleetTarget(0.0, {KEY: PoolTarget(7)}, {}, {"m": Partition("one", ("all",))})


def counts(arrivals: list[int], calm_s: float = 300.0) -> list[int]:
    """Instances that each look asks for, a minute apart, when so many requests came between looks."""
    scaler = Autoscaler(lambda _: (GROUP,), Thresholds(calm_s=calm_s), START)
    found, ready = [], 7
    for look, came in enumerate(arrivals, start=1):
        pool = PoolView(ready, starting=0, draining=0, outstanding=0, busy_share=0.0, arrivals=came)
        target = scaler.decide(60.0 * look, FleetView(60.0 * look, {KEY: pool}, {}, ()))
        assert target is not None
        ready = target.pools[KEY].instances
        found.append(ready)
    return found


def test_what_is_there_at_the_start_stays_until_it_has_been_calm() -> None:
    assert counts([120] * 7) == [7, 7, 7, 7, 7, 2, 2]


def test_it_scales_up_at_once_and_down_when_it_has_been_calm() -> None:
    assert counts([60] * 6 + [700] + [60] * 6) == [7, 7, 7, 7, 7, 1, 7, 7, 7, 7, 7, 7, 1]
