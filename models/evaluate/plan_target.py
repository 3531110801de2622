"""A published plan as what the simulated fleet is to be."""

from collections.abc import Mapping

from freesh_plugin.core.errors import PlanError
from freesh_plugin.core.plan import ClockBounds, Plan, PlanPartition
from freesh_plugin.core.request import Partition
from models.simulator.fleet_target import FleetTarget, PoolKey, PoolTarget


def target_of_plan(plan: Plan, valid_from_s: float, governed: Mapping[str, ClockBounds] | None = None) -> FleetTarget:
    """Pools, routes and partitions of a plan.

    Args:
        plan: As published.
        valid_from_s: When it holds, seconds after the start of the run.
        governed: Bounds of the SM clock by mode, where they are not those of the plan.

    Raises:
        PlanError: a partition with an unknown boundary, by which no request can be classified.
    """
    return FleetTarget(
        valid_from_s,
        pools={
            PoolKey(each.location, each.model, each.request_class, each.mode): PoolTarget(
                instances=each.instances.target,
                slo=each.slo,
                clock=(governed or {}).get(each.mode, each.sm_clock_mhz),
                capacity_rps=each.capacity_rps,
            )
            for each in plan.pools
        },
        routes={(each.model, each.request_class, each.origin): dict(each.weights) for each in plan.routes},
        partitions={model: _partition(each) for model, each in plan.partition.items()},
        plan=plan,
    )


def _partition(planned: PlanPartition) -> Partition:
    if planned.prompt_tokens is None or planned.answer_tokens is None:
        raise PlanError(f"partition {planned.name!r} has an unknown boundary: its requests cannot be classified")
    return Partition(planned.name, planned.classes, planned.prompt_tokens, planned.answer_tokens)
