"""The plan as JSON: canonical text, digest, strict reading with the path of each fault, published schema."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from freesh_plugin.core.errors import PlanError
from freesh_plugin.core.plan import SCHEMA_VERSION, Plan
from freesh_plugin.core.units import EPOCH_S, PLAN_LIFETIME_S

MAX_PLAN_BYTES = 16 * 1024 * 1024
"""Largest plan that is read, bytes."""

_SUM_TOLERANCE = 1e-6

_PoolKey = tuple[str, str, str, str]


def digest_of(document: dict[str, Any]) -> str:
    """SHA-256 of the document's canonical JSON (sorted keys, no spaces, UTF-8), its own `digest` left out."""
    body = {key: value for key, value in document.items() if key != "digest"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def seal(plan: Plan) -> Plan:
    """The plan with its digest filled in."""
    return msgspec.structs.replace(plan, digest=digest_of(msgspec.to_builtins(plan)))


def encode_plan(plan: Plan) -> bytes:
    """JSON text of a sealed plan, UTF-8, indented for people.

    Raises:
        PlanError: the plan is not sealed, or breaks a rule that its reader would refuse.
    """
    text = msgspec.json.format(msgspec.json.encode(plan), indent=1)
    decode_plan(text)
    return text


def decode_plan(text: bytes) -> Plan:
    """Read and check a plan: schema, times, references between its parts, digest.

    Fields that this version does not know are tolerated in a newer minor version and covered by the digest.

    Raises:
        PlanError: the first fault, with its path (`$.pools[3].instances.min: ...`).
    """
    if len(text) > MAX_PLAN_BYTES:
        raise PlanError(f"plan has {len(text)} bytes, limit {MAX_PLAN_BYTES} bytes")
    try:
        document = msgspec.json.decode(text)
        _require_same_major(document)
        plan = msgspec.convert(document, Plan)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        raise PlanError(f"{path.strip('`') or '$'}: {message}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PlanError(f"$: not JSON: {error}") from error
    for check in _CHECKS:
        for fault in check(plan):
            raise PlanError(fault)
    expected = digest_of(document)
    if plan.digest != expected:
        raise PlanError(f"$.digest: {plan.digest or 'empty'} does not match the content, expected {expected}")
    return plan


def plan_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the plan, as published in `docs/schema/`."""
    (schema,), components = msgspec.json.schema_components([Plan], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"FREESH plan {SCHEMA_VERSION}",
        **schema,
        "$defs": components,
    }


def _require_same_major(document: object) -> None:
    version = document.get("schema_version") if isinstance(document, dict) else None
    major = SCHEMA_VERSION.partition(".")[0]
    if isinstance(version, str) and version.partition(".")[0] != major:
        raise PlanError(f"$.schema_version: {version!r} has another major version than {SCHEMA_VERSION!r}")


def _times(plan: Plan) -> Iterator[str]:
    start = plan.epoch * EPOCH_S
    expected = {"valid_from": start, "stale_after": start + EPOCH_S, "expires_at": start + PLAN_LIFETIME_S}
    for field, value in expected.items():
        if getattr(plan, field) != value:
            yield f"$.{field}: {getattr(plan, field)} s, expected {value} s for epoch {plan.epoch}"


def _partitions(plan: Plan) -> Iterator[str]:
    for model, partition in plan.partition.items():
        for field in ("prompt_tokens", "answer_tokens"):
            boundaries = getattr(partition, field)
            path = f"$.partition.{model}.{field}"
            if boundaries is None:
                if plan.mode == "act":
                    yield f"{path}: unknown boundary, allowed in advise mode only"
            elif list(boundaries) != sorted(set(boundaries)):
                yield f"{path}: {list(boundaries)} is not strictly ascending"


def _pools(plan: Plan) -> Iterator[str]:
    for i, pool in enumerate(plan.pools):
        path = f"$.pools[{i}]"
        band = pool.instances
        if not band.min <= band.target <= band.max:
            yield f"{path}.instances: min {band.min} <= target {band.target} <= max {band.max} does not hold"
        yield from _known_class(plan, f"{path}", pool.model, pool.request_class)


def _routes(plan: Plan) -> Iterator[str]:
    for i, route in enumerate(plan.routes):
        yield from _known_class(plan, f"$.routes[{i}]", route.model, route.request_class)
        total = sum(route.weights.values())
        if route.weights and abs(total - 1) > _SUM_TOLERANCE:
            yield f"$.routes[{i}].weights: add up to {total:g}, expected 1"


def _known_class(plan: Plan, path: str, model: str, request_class: str) -> Iterator[str]:
    partition = plan.partition.get(model)
    if partition is None:
        yield f"{path}.model: {model!r} has no partition in this plan"
    elif request_class not in partition.classes:
        yield f"{path}.class: {request_class!r} is not a class of partition {partition.name!r}"


def _slices(plan: Plan) -> Iterator[str]:
    wanted: dict[_PoolKey, int] = {}
    for pool in plan.pools:
        key = (pool.location, pool.model, pool.request_class, pool.mode)
        wanted[key] = wanted.get(key, 0) + pool.instances.target
    placed: dict[_PoolKey, int] = {}
    for part in plan.slices:
        key = (part.location, part.model, part.request_class, part.mode)
        placed[key] = placed.get(key, 0) + part.instances
    for key in sorted(wanted.keys() | placed.keys()):
        if wanted.get(key, 0) != placed.get(key, 0):
            yield f"$.slices: {placed.get(key, 0)} instances of {'/'.join(key)} placed, target {wanted.get(key, 0)}"


_CHECKS: tuple[Callable[[Plan], Iterator[str]], ...] = (_times, _partitions, _pools, _routes, _slices)
