"""What must hold between the parts of a plan; each check yields its faults, path first."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import pairwise

from freesh_plugin.core.plan import Plan, PlanMode, PlanPartition
from freesh_plugin.core.units import EPOCH_S, PLAN_LIFETIME_S

_SUM_TOLERANCE = 1e-6


def faults(plan: Plan) -> Iterator[str]:
    """Every fault of a plan whose fields are each well formed, as `$.path: what, limit`."""
    for check in _CHECKS:
        yield from check(plan)


def _times(plan: Plan) -> Iterator[str]:
    start = plan.epoch * EPOCH_S
    expected = {"valid_from": start, "stale_after": start + EPOCH_S, "expires_at": start + PLAN_LIFETIME_S}
    for field, value in expected.items():
        if getattr(plan, field) != value:
            yield f"$.{field}: {getattr(plan, field)} s, expected {value} s for epoch {plan.epoch}"


def _partitions(plan: Plan) -> Iterator[str]:
    for model, partition in plan.partition.items():
        path = f"$.partition.{model}"
        yield from _repeated(f"{path}.classes", partition.classes)
        for field in ("prompt_tokens", "answer_tokens"):
            boundaries = getattr(partition, field)
            if boundaries is None:
                if plan.mode is PlanMode.ACT:
                    yield f"{path}.{field}: unknown boundary, allowed in advise mode only"
            else:
                yield from _ascending(f"{path}.{field}", boundaries)
        yield from _grid(path, partition)


def _grid(path: str, partition: PlanPartition) -> Iterator[str]:
    if partition.prompt_tokens is None or partition.answer_tokens is None:
        return
    cells = (len(partition.prompt_tokens) + 1) * (len(partition.answer_tokens) + 1)
    if cells != len(partition.classes):
        yield f"{path}.classes: {len(partition.classes)} classes for {cells} cells of prompt x answer boundaries"


def _cells(plan: Plan) -> Iterator[str]:
    for model, cells in plan.cells.items():
        for field in ("prompt_tokens", "answer_tokens"):
            yield from _ascending(f"$.cells.{model}.{field}", getattr(cells, field))
    for model, partition in plan.partition.items():
        own = plan.cells.get(model)
        if own is None:
            yield f"$.cells: no cells of model {model!r}"
            continue
        for field in ("prompt_tokens", "answer_tokens"):
            missing = sorted(set(getattr(partition, field) or ()) - set(getattr(own, field)))
            if missing:
                yield f"$.cells.{model}.{field}: lacks boundary {missing[0]} tokens of partition {partition.name!r}"


def _pools(plan: Plan) -> Iterator[str]:
    for i, pool in enumerate(plan.pools):
        path = f"$.pools[{i}]"
        band = pool.instances
        if not band.min <= band.target <= band.max:
            yield f"{path}.instances: min {band.min} <= target {band.target} <= max {band.max} does not hold"
        floor, ceiling = pool.sm_clock_mhz.floor, pool.sm_clock_mhz.ceiling
        if ceiling == 0:
            yield f"{path}.sm_clock_mhz.ceiling: 0 MHz, expected above 0, or null for the device's own"
        if floor is not None and ceiling is not None and floor > ceiling:
            yield f"{path}.sm_clock_mhz: floor {floor} MHz is above ceiling {ceiling} MHz"
        yield from _known_class(plan, path, pool.model, pool.request_class)
    keys = [(each.location, each.model, each.request_class, each.mode, each.tier) for each in plan.pools]
    yield from _repeated("$.pools", keys)


def _routes(plan: Plan) -> Iterator[str]:
    served = {(each.location, each.model, each.request_class) for each in plan.pools if each.instances.target}
    for i, route in enumerate(plan.routes):
        path = f"$.routes[{i}]"
        yield from _known_class(plan, path, route.model, route.request_class)
        total = sum(route.weights.values())
        if route.weights and abs(total - 1) > _SUM_TOLERANCE:
            yield f"{path}.weights: add up to {total:g}, expected 1"
        for location, weight in route.weights.items():
            if weight and (location, route.model, route.request_class) not in served:
                yield f"{path}.weights.{location}: {weight:g}, but no instance of {route.request_class!r} is there"
    yield from _repeated("$.routes", [(each.model, each.request_class, each.origin) for each in plan.routes])


def _known_class(plan: Plan, path: str, model: str, request_class: str) -> Iterator[str]:
    partition = plan.partition.get(model)
    if partition is None:
        yield f"{path}.model: {model!r} has no partition in this plan"
    elif request_class not in partition.classes:
        yield f"{path}.class: {request_class!r} is not a class of partition {partition.name!r}"


def _slices(plan: Plan) -> Iterator[str]:
    wanted: Counter[tuple[str, str, str, str]] = Counter()
    for pool in plan.pools:
        wanted[pool.location, pool.model, pool.request_class, pool.mode] += pool.instances.target
    placed: Counter[tuple[str, str, str, str]] = Counter()
    for part in plan.slices:
        placed[part.location, part.model, part.request_class, part.mode] += part.instances
    for key in sorted(wanted.keys() | placed.keys()):
        if wanted[key] != placed[key]:
            yield f"$.slices: {placed[key]} instances of {'/'.join(key)} placed, target {wanted[key]}"
    yield from _repeated(
        "$.slices", [(each.location, each.machine, each.model, each.request_class, each.mode) for each in plan.slices]
    )


def _transitions(plan: Plan) -> Iterator[str]:
    for i, (before, after) in enumerate(pairwise(plan.transitions), start=1):
        if after.order < before.order:
            yield f"$.transitions[{i}].order: {after.order} after {before.order}, expected to ascend"


def _series(plan: Plan) -> Iterator[str]:
    for location, steps in plan.carbon.items():
        yield from _ascending(f"$.carbon.{location}", [each.step for each in steps], "step")
    for i, row in enumerate(plan.demand):
        yield from _known_class(plan, f"$.demand[{i}]", row.model, row.request_class)
    rows = [(each.model, each.request_class, each.origin, each.tier, each.step) for each in plan.demand]
    yield from _repeated("$.demand", rows)


def _ascending(path: str, numbers: Iterable[int], what: str = "boundary") -> Iterator[str]:
    for before, after in pairwise(numbers):
        if after <= before:
            yield f"{path}: {what} {after} after {before} is not strictly ascending"


def _repeated(path: str, keys: Iterable[Hashable]) -> Iterator[str]:
    for key, count in Counter(keys).items():
        if count > 1:
            name = "/".join(map(str, key)) if isinstance(key, tuple) else key
            yield f"{path}: {name} occurs {count} times, expected once"


_CHECKS: tuple[Callable[[Plan], Iterator[str]], ...] = (
    _times,
    _partitions,
    _cells,
    _pools,
    _routes,
    _slices,
    _transitions,
    _series,
)
