"""A policy like DynamoLLM's: energy-optimal pools by class, re-sharded by the hour, clocks chosen every five minutes.

Reduced from the paper: its nine classes are our four; its predictor of load is our forecast, planned for the hour in
one go; its re-sharding every five minutes is left out, since the reload costs stated here undo it; its clock every
five seconds is every five minutes, from the requests that each pool got in the last five. Instances serve first come
first served. Where the fleet has no room for a pool of each class, or one costs less, it plans one pool for all.
It knows no carbon and no price; what is left is where it aims: energy.
"""

from dataclasses import replace

from freesh_plugin.core.plan import ClockBounds
from freesh_plugin.core.units import STEP_S
from models.domain.scenario import DEFAULT
from models.evaluate.cell import Cell, Policy
from models.evaluate.outlook import BLIND
from models.evaluate.plan_target import target_of_plan
from models.evaluate.planner import Question
from models.evaluate.policies.settings import FCFS_STATIC
from models.evaluate.site import ONE_CLASS
from models.evaluate.start_state import running_all_on
from models.simulator.fleet_target import FleetTarget, FleetView, PoolKey, PoolTarget

NAME = "dynamollm_like"
PARTITION = "answer444"
HOUR_STEPS = 12
CLOCKS_MHZ = ({"A100": 900, "H100": 990}, {"A100": 1125, "H100": 1410})
"""Clocks below the highest, lowest first: that of least energy in the modelled profiles, and one midway."""


class _Pools:
    """The hour's pools; every five minutes each pool runs at the lowest clock that serves what it got."""

    def __init__(self, cell: Cell) -> None:
        question = Question(
            "energy", BLIND, partitions=(ONE_CLASS.name, PARTITION), steps=HOUR_STEPS, margin=cell.tuned.margin(NAME)
        )
        plan = cell.planner.plan(question, 0.0, running_all_on(cell.site))
        self._target = target_of_plan(plan, 0.0)
        self._headroom = cell.tuned.headroom
        self._clocks = _clocks(cell, plan.partition[DEFAULT].name)
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
        for clock_mhz, capacity_rps in self._clocks.get((key.request_class, key.mode), ()):
            if capacity_rps * pool.instances * self._headroom >= rate_rps:
                return replace(pool, clock=ClockBounds(ceiling=clock_mhz))
        return replace(pool, clock=ClockBounds())


def _clocks(cell: Cell, partition: str) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """Of each class and mode: clocks it may have below the highest, ascending, and what it serves at each."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for clocks_mhz in CLOCKS_MHZ:
        for each in cell.site.at_clocks(clocks_mhz, partition):
            (kind,) = cell.site.scenario.mode(each.mode).gpus
            if kind in clocks_mhz:
                found.setdefault((each.request_class, each.mode), []).append((clocks_mhz[kind], each.capacity_rps))
    return found


DYNAMOLLM_LIKE = Policy(
    NAME,
    "Energy-optimal pools by class for the hour, clocks by load every five minutes, first come first served.",
    _Pools,
    FCFS_STATIC,
)
