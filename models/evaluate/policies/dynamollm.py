"""A policy like DynamoLLM's: energy-optimal pools by class, re-sharded by the hour, clocks chosen every five minutes.

Reduced from the paper: its nine classes are our four; its predictor of load is our forecast, planned for the hour in
one go; its re-sharding every five minutes is left out, since the reload costs stated here undo it; its clock every
five seconds is every five minutes, from the requests that each pool got in the last five. Instances serve first come
first served. It knows no carbon and no price; what is left is where it aims: energy.
"""

from dataclasses import replace

from freesh_plugin.core.plan import ClockBounds
from freesh_plugin.core.units import STEP_S
from models.evaluate.cell import Cell, Policy
from models.evaluate.outlook import BLIND
from models.evaluate.plan_target import target_of_plan
from models.evaluate.planner import Question
from models.evaluate.policies.settings import FCFS_STATIC
from models.evaluate.start_state import running_all_on
from models.simulator.fleet_target import FleetTarget, FleetView, PoolKey, PoolTarget

NAME = "dynamollm_like"
PARTITION = "answer444"
HOUR_STEPS = 12


class _Pools:
    """The hour's pools; every five minutes each pool runs at the lowest clock that serves what it got."""

    def __init__(self, cell: Cell) -> None:
        question = Question("energy", BLIND, partitions=(PARTITION,), steps=HOUR_STEPS, margin=cell.tuned.margin(NAME))
        plan = cell.planner.plan(question, 0.0, running_all_on(cell.site))
        self._target = target_of_plan(plan, 0.0)
        self._headroom = cell.tuned.headroom
        self._clocks = _clocks(cell)
        self.next_s = 0.0

    def decide(self, now_s: float, view: FleetView) -> FleetTarget | None:
        """The plan, then other clocks."""
        self.next_s = now_s + STEP_S
        if now_s > 0:
            pools = {key: self._clocked(key, pool, view) for key, pool in self._target.pools.items()}
            self._target = replace(self._target, valid_from_s=now_s, pools=pools)
        return self._target

    def _clocked(self, key: PoolKey, pool: PoolTarget, view: FleetView) -> PoolTarget:
        """The pool at the lowest clock at which its instances serve what came in the last five minutes, and some."""
        seen = view.pools.get(key)
        rate_rps = seen.arrivals / STEP_S if seen is not None else 0.0
        for clock_mhz, capacity_rps in self._clocks[key.request_class, key.mode.partition("@")[0]]:
            if capacity_rps * pool.instances * self._headroom >= rate_rps:
                return replace(pool, clock=ClockBounds(ceiling=clock_mhz))
        return replace(pool, clock=ClockBounds())


def _clocks(cell: Cell) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """Of each class and mode without its clock: clocks it may have below the highest, ascending, and its capacity."""
    ceilings = {each.name: each.sm_clock_ceiling_mhz for each in cell.site.scenario.modes}
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for each in cell.site.scenario.profiles:
        if each.partition == PARTITION:
            clocks = found.setdefault((each.request_class, each.mode.partition("@")[0]), [])
            ceiling_mhz = ceilings[each.mode]
            if ceiling_mhz is not None:
                clocks.append((ceiling_mhz, each.capacity_rps))
    return {key: sorted(clocks) for key, clocks in found.items()}


DYNAMOLLM_LIKE = Policy(
    NAME,
    "Energy-optimal pools by class for the hour, clocks by load every five minutes, first come first served.",
    _Pools,
    FCFS_STATIC,
)
