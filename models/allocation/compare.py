"""Comparing a plan with the plan in force: whether anything is decided anew, and what, in sentences."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from freesh_plugin.core.plan import Action, Plan, PlanPartition, Pool, Route

_PoolName = tuple[str, str, str, str]
"""Location, model, mode, class."""


def same_decision(previous: Plan, new: Plan) -> bool:
    """Whether a runtime acts alike on both: all but times, forecasts, figures, transitions and reasons."""
    return _decision(previous) == _decision(new)


def describe_changes(previous: Plan | None, new: Plan) -> list[str]:
    """What the new plan decides otherwise than the previous one, in sentences; everything when there is none.

    Empty exactly when `same_decision` holds.
    """
    before = previous or msgspec.structs.replace(new, pools=(), slices=(), routes=(), shed_allowed={})
    found = [] if previous is not None else ["No plan was in force before."]
    for differences in (_mode, _partitions, _instances, _machines, _settings, _routes, _sheds):
        found += differences(before, new)
    if not found and not same_decision(before, new):
        found.append("The cells in which arrivals are counted, or pools without instances, change.")
    return found


def _decision(plan: Plan) -> tuple[object, ...]:
    return (
        plan.mode,
        plan.partition,
        plan.cells,
        {(_name(each), each.tier): each for each in plan.pools},
        _placed(plan),
        {_route_name(each): each.weights for each in plan.routes},
        {tier: share for tier, share in plan.shed_allowed.items() if share},
    )


def _mode(before: Plan, new: Plan) -> Iterator[str]:
    if before.mode != new.mode:
        yield f"The plan is in mode {new.mode.value} (was {before.mode.value})."


def _partitions(before: Plan, new: Plan) -> Iterator[str]:
    for model in sorted(before.partition.keys() | new.partition.keys()):
        old, chosen = before.partition.get(model), new.partition.get(model)
        if old != chosen:
            yield f"Model {model}: partition {_boundaries(chosen)} (was {_boundaries(old)})."


def _boundaries(partition: PlanPartition | None) -> str:
    if partition is None:
        return "none"
    sides = (("prompt", partition.prompt_tokens), ("answer", partition.answer_tokens))
    known = ", ".join(f"{what} {'/'.join(map(str, cut))} tokens" for what, cut in sides if cut)
    return f"{partition.name} ({known or 'boundaries unknown'})"


def _instances(before: Plan, new: Plan) -> Iterator[str]:
    """Re-labels first (fewer here, more there on the same hardware), then starts, then stops."""
    more, less = _targets(new) - _targets(before), _targets(before) - _targets(new)
    equal = _equal_hardware(new)
    for old in sorted(less):
        for name in sorted(more):
            count = min(less[old], more[name])
            if count and old[:2] == name[:2] and (old[2] == name[2] or {old[2], name[2]} in equal):
                less[old] -= count
                more[name] -= count
                yield f"{old[0]}: {_what(new, count, old)} becomes {_what(new, None, name)} without a restart."
    yield from (f"{name[0]}: start {_what(new, count, name)}." for name, count in sorted(more.items()) if count)
    yield from (f"{name[0]}: stop {_what(new, count, name)}." for name, count in sorted(less.items()) if count)


def _equal_hardware(plan: Plan) -> list[set[str]]:
    """Modes that the plan's own transitions turn into one another without a restart."""
    return [{each.from_mode or each.mode, each.mode} for each in plan.transitions if each.action is Action.RELABEL]


def _machines(before: Plan, new: Plan) -> Iterator[str]:
    """Instances that stay in number and move to another machine."""
    old, placed = _placed(before), _placed(new)
    unchanged = {name for name, count in _targets(new).items() if _targets(before)[name] == count}
    for (name, machine), count in sorted((placed - old).items()):
        if name in unchanged:
            yield f"{name[0]}: {_what(new, count, name)} moves to machine {machine}."


def _settings(before: Plan, new: Plan) -> Iterator[str]:
    known = {_name(each): each for each in before.pools}
    for pool in new.pools:
        old = known.get(_name(pool))
        changes = list(_setting_changes(old, pool)) if old is not None else []
        if changes:
            yield f"{pool.location}: {_what(new, None, _name(pool))}: {'; '.join(changes)}."


def _setting_changes(old: Pool, new: Pool) -> Iterator[str]:
    if old.tier != new.tier:
        yield f"tier {new.tier} (was {old.tier})"
    if (old.instances.min, old.instances.max) != (new.instances.min, new.instances.max):
        yield f"{new.instances.min} to {new.instances.max} instances (was {old.instances.min} to {old.instances.max})"
    if old.slo != new.slo:
        level, was = (f"{slo.latency_s:g}/{slo.ttft_s:g}/{slo.tbt_s:g} s" for slo in (new.slo, old.slo))
        yield f"latency/TTFT/TBT bounds {level} (was {was})"
    if old.sm_clock_mhz != new.sm_clock_mhz:
        bounds, was = (
            f"{clock.floor or '-'} to {clock.ceiling or '-'} MHz" for clock in (new.sm_clock_mhz, old.sm_clock_mhz)
        )
        yield f"SM clock {bounds} (was {was})"
    if old.capacity_rps != new.capacity_rps:
        yield f"{new.capacity_rps:g} req/s an instance (was {old.capacity_rps:g})"


def _routes(before: Plan, new: Plan) -> Iterator[str]:
    old = {_route_name(each): each.weights for each in before.routes}
    chosen = {_route_name(each): each.weights for each in new.routes}
    for name in sorted(old.keys() | chosen.keys()):
        if old.get(name) != chosen.get(name):
            model, request_class, origin = name
            who = f"{request_class}{_of_model(new, model)} from {origin}"
            was = f" (was {_shares(old[name])})" if name in old else ""
            yield f"Route {who}: {_shares(chosen.get(name, {}))}{was}."


def _sheds(before: Plan, new: Plan) -> Iterator[str]:
    for tier in sorted(before.shed_allowed.keys() | new.shed_allowed.keys()):
        old, share = before.shed_allowed.get(tier, 0.0), new.shed_allowed.get(tier, 0.0)
        if old != share:
            yield f"Tier {tier}: up to {share:.1%} may be shed in overload (was {old:.1%})."


def _shares(weights: dict[str, float]) -> str:
    return ", ".join(f"{location} {weight:.1%}" for location, weight in sorted(weights.items())) or "nowhere"


def _what(plan: Plan, count: int | None, name: _PoolName) -> str:
    _, model, mode, request_class = name
    number = "" if count is None else f"{count} x "
    return f"{number}{mode} for {request_class}{_of_model(plan, model)}"


def _of_model(plan: Plan, model: str) -> str:
    return f" of model {model}" if len(plan.partition) > 1 else ""


def _targets(plan: Plan) -> Counter[_PoolName]:
    targets: Counter[_PoolName] = Counter()
    for pool in plan.pools:
        targets[_name(pool)] += pool.instances.target
    return targets


def _placed(plan: Plan) -> Counter[tuple[_PoolName, str]]:
    placed: Counter[tuple[_PoolName, str]] = Counter()
    for each in plan.slices:
        placed[(each.location, each.model, each.mode, each.request_class), each.machine] += each.instances
    return placed


def _name(pool: Pool) -> _PoolName:
    return pool.location, pool.model, pool.mode, pool.request_class


def _route_name(route: Route) -> tuple[str, str, str]:
    return route.model, route.request_class, route.origin
