"""From an allocation to the published plan: pools, slices, transitions, routes, forecasts, and every hold said."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from freesh_plugin.core.errors import AllocationError
from freesh_plugin.core.plan import (
    SCHEMA_VERSION,
    Baselines,
    CarbonStep,
    ClockBounds,
    DemandStep,
    Hold,
    InstanceBand,
    Plan,
    PlanCells,
    PlanInput,
    PlanMode,
    PlanPartition,
    Pool,
    Slice,
    Slo,
    SolverReport,
)
from freesh_plugin.core.plan_json import seal
from freesh_plugin.core.units import EPOCH_S, PLAN_LIFETIME_S, epoch_start_s
from models.allocation.bands import bands
from models.allocation.baselines import predicted
from models.allocation.explain.document import explanation_document
from models.allocation.holds import holds_of, sheds
from models.allocation.load import PoolKey
from models.allocation.pack import Packing, pack
from models.allocation.pairs import Pairs
from models.allocation.routes import route_holds, routes
from models.allocation.transitions import transitions
from models.domain.allocation import AllocationResult, InstanceCount
from models.domain.explanation import Explanation
from models.domain.scenario import Scenario


def to_plan(
    scenario: Scenario,
    result: AllocationResult,
    *,
    epoch: int,
    revision: int,
    mode: str,
    inputs: Sequence[PlanInput] = (),
    holds: Sequence[Hold] = (),
    carbon_outlook: Mapping[str, Sequence[CarbonStep]] | None = None,
    quantile: float | None = None,
    with_baselines: Baselines | None = None,
    with_explanation: Explanation | None = None,
) -> Plan:
    """The sealed plan of one epoch.

    Args:
        scenario: The problem that was solved; `running` is what the transitions start from.
        result: The allocation; it must have chosen a partition for every model.
        epoch: Number of the slot the plan is for.
        revision: From 1; greater for a re-run of the same slot.
        mode: advise or act. A partition with an unknown boundary is published in advise mode, with a hold.
        inputs: Version, age and state of what the plan was made from.
        holds: What the caller deliberately did not do.
        carbon_outlook: Carbon by location for six hours; where it is missing the scenario's own steps are shown.
        quantile: The quantile of demand that capacity was planned for, when it is one.
        with_baselines: Footprints of the simple policies (`models.allocation.baselines`).
        with_explanation: Why the allocation is what it is (`models.allocation.explain`).

    Raises:
        AllocationError: there is no allocation to publish, a flow breaks residency, or the mode is not known.
    """
    _require_allocation(scenario, result)
    asked = _asked(mode)
    allowed = _allowed(scenario, result, asked)
    packing = pack(scenario, result.instances)
    result = _packed_only(result, packing)
    found = routes(scenario, result)
    start_s = epoch_start_s(epoch)
    return seal(
        Plan(
            schema_version=SCHEMA_VERSION,
            scenario=scenario.name,
            epoch=epoch,
            revision=revision,
            mode=allowed,
            valid_from=start_s,
            stale_after=start_s + EPOCH_S,
            expires_at=start_s + PLAN_LIFETIME_S,
            partition=_partitions(scenario, result),
            cells={model: PlanCells(*dataclasses.astuple(scenario.cells)) for model in sorted(result.partition)},
            pools=tuple(_pools(scenario, result, packing)),
            slices=tuple(Slice(**dataclasses.asdict(each)) for each in packing.slices),
            transitions=transitions(scenario, packing.slices, result.partition),
            routes=found,
            carbon=_carbon(scenario, carbon_outlook or {}),
            demand=tuple(_demand(scenario, result, quantile)),
            shed_allowed=sheds(scenario, result),
            predicted=predicted(scenario, result),
            baselines=with_baselines or Baselines(),
            solver=_solver(result),
            binding=result.binding,
            inputs=tuple(inputs),
            holds=(*holds, *holds_of(scenario, result, packing, asked, allowed), *route_holds(scenario, result, found)),
            explanation=None if with_explanation is None else explanation_document(with_explanation),
        )
    )


def _require_allocation(scenario: Scenario, result: AllocationResult) -> None:
    missing = [model for model in scenario.models if model not in result.partition]
    if missing:
        why = "; ".join((*result.binding, *result.notes)) or "no reason given"
        raise AllocationError(
            f"no plan: the allocation ended {result.status.value} without a partition for {', '.join(missing)} ({why})"
        )


def _asked(mode: str) -> PlanMode:
    if mode not in list(PlanMode):
        raise AllocationError(f"mode {mode!r} is not known; there are {', '.join(PlanMode)}")
    return PlanMode(mode)


def _allowed(scenario: Scenario, result: AllocationResult, asked: PlanMode) -> PlanMode:
    """Act only where every request can be classified."""
    bounded = all(scenario.partition(name).bounded for name in result.partition.values())
    return asked if bounded else PlanMode.ADVISE


def _packed_only(result: AllocationResult, packing: Packing) -> AllocationResult:
    """The allocation without the instances that no machine holds, and without flows to pools that have none left."""
    if not packing.unpacked:
        return result
    counts: dict[PoolKey, int] = {}
    for each in packing.slices:
        pool = PoolKey(each.location, each.model, each.request_class, each.mode)
        counts[pool] = counts.get(pool, 0) + each.instances
    return dataclasses.replace(
        result,
        instances=tuple(InstanceCount(*pool, count=count) for pool, count in sorted(counts.items())),
        flows=tuple(
            each for each in result.flows if PoolKey(each.location, each.model, each.request_class, each.mode) in counts
        ),
    )


def _partitions(scenario: Scenario, result: AllocationResult) -> dict[str, PlanPartition]:
    chosen = {model: scenario.partition(name) for model, name in sorted(result.partition.items())}
    return {
        model: PlanPartition(each.name, each.classes, each.prompt_tokens, each.answer_tokens)
        for model, each in chosen.items()
    }


def _pools(scenario: Scenario, result: AllocationResult, packing: Packing) -> Iterator[Pool]:
    pairs = Pairs(scenario, result.partition)
    tiers = _tiers(scenario, result)
    for pool, band in bands(scenario, result, packing).items():
        yield _pool(scenario, pairs, pool, band, tiers.get(pool, scenario.tiers[0].name))


def _pool(scenario: Scenario, pairs: Pairs, pool: PoolKey, band: InstanceBand, tier: str) -> Pool:
    levels = pairs.levels(pool.model, pool.request_class)
    own = [each for each in levels if each.tier == tier] or list(levels)
    profile = pairs.profile(pool.model, pool.request_class, pool.mode)
    return Pool(
        **pool._asdict(),
        tier=tier,
        instances=band,
        slo=Slo(
            latency_s=min((each.latency_s for each in own), default=profile.latency_s),
            ttft_s=min((each.ttft_s for each in own), default=profile.ttft_s),
            tbt_s=min((each.tbt_s for each in own), default=profile.tbt_s),
        ),
        sm_clock_mhz=ClockBounds(ceiling=scenario.mode(pool.mode).sm_clock_ceiling_mhz),
        capacity_rps=profile.capacity_rps,
    )


def _tiers(scenario: Scenario, result: AllocationResult) -> dict[PoolKey, str]:
    """Tier of each pool: the most protected one (highest shed price) that it serves."""
    prices = {each.name: each.shed_price for each in scenario.tiers}
    tiers: dict[PoolKey, str] = {}
    for flow in result.flows:
        pool = PoolKey(flow.location, flow.model, flow.request_class, flow.mode)
        if flow.served_rps > 0 and (pool not in tiers or prices[flow.tier] > prices[tiers[pool]]):
            tiers[pool] = flow.tier
    return tiers


def _carbon(scenario: Scenario, outlook: Mapping[str, Sequence[CarbonStep]]) -> dict[str, tuple[CarbonStep, ...]]:
    carbon: dict[str, tuple[CarbonStep, ...]] = {}
    for location in scenario.locations:
        own = (
            CarbonStep(each.step, each.carbon_gco2e_per_kwh, scenario.carbon_signal.kind, each.p10, each.p90)
            for each in scenario.carbon
            if each.location == location.name
        )
        steps = outlook.get(location.name) or own
        carbon[location.name] = tuple(sorted(steps, key=lambda each: each.step))
    return carbon


def _demand(scenario: Scenario, result: AllocationResult, quantile: float | None) -> Iterator[DemandStep]:
    rows = Pairs(scenario, result.partition).demand
    for row in sorted(rows, key=lambda each: (each.model, each.request_class, each.origin, each.tier, each.step)):
        yield DemandStep(
            model=row.model,
            request_class=row.request_class,
            origin=row.origin,
            tier=row.tier,
            step=row.step,
            mean_rps=row.demand_rps if row.mean_rps is None else row.mean_rps,
            demand_rps=row.demand_rps,
            quantile=quantile,
        )


def _solver(result: AllocationResult) -> SolverReport:
    return SolverReport(
        status=result.status.value,
        solver=result.solver,
        objective=result.objective,
        bound=result.bound,
        gap=result.gap,
        build_s=result.build_s,
        solve_s=result.solve_s,
    )
