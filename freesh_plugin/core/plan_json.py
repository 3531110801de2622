"""The plan as JSON: digest, strict reading with the path of each fault, published schema."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from freesh_plugin.core.errors import PlanError
from freesh_plugin.core.plan import SCHEMA_VERSION, Plan
from freesh_plugin.core.plan_checks import faults

MAX_PLAN_BYTES = 16 * 1024 * 1024
"""Largest plan that is read, bytes."""


def digest_of(document: dict[str, Any]) -> str:
    """SHA-256 of the document's canonical JSON, its own `digest` left out.

    Canonical: sorted keys, no spaces, UTF-8, shortest floats, whole numbers without a point, so that the digest
    survives a rewrite by any JSON tool.
    """
    body = {key: value for key, value in document.items() if key != "digest"}
    text = json.dumps(_whole(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def seal(plan: Plan) -> Plan:
    """The plan with its digest filled in.

    Raises:
        PlanError: it holds NaN or infinity, which JSON cannot say.
    """
    try:
        return msgspec.structs.replace(plan, digest=digest_of(msgspec.to_builtins(plan)))
    except ValueError as error:
        raise PlanError(f"$: a number that JSON cannot hold: {error}") from error


def encode_plan(plan: Plan) -> bytes:
    """JSON text of a sealed plan, UTF-8, indented for people.

    Raises:
        PlanError: the plan is not sealed, or breaks a rule that its reader would refuse.
    """
    text = msgspec.json.format(msgspec.json.encode(plan), indent=1)
    decode_plan(text)
    return text


def decode_plan(text: bytes) -> Plan:
    """Read and check a plan: JSON, schema, times, references between its parts, digest.

    Fields that this version does not know are tolerated in a newer minor version and covered by the digest.

    Raises:
        PlanError: the first fault, with its path (`$.pools[3].instances.min: ...`).
    """
    if len(text) > MAX_PLAN_BYTES:
        raise PlanError(f"$: plan has {len(text)} bytes, limit {MAX_PLAN_BYTES} bytes")
    document = _parse(text)
    plan = _convert(document)
    if _minor(plan.schema_version) <= _minor(SCHEMA_VERSION):
        for path in _unknown(document, msgspec.to_builtins(plan), "$"):
            raise PlanError(f"{path}: unknown field in schema version {plan.schema_version}")
    for fault in faults(plan):
        raise PlanError(fault)
    expected = _digest(document)
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
        "$defs": json.loads(json.dumps(components)),  # defaults that are tuples become arrays
    }


def _parse(text: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(text)
        # msgspec is strict about numbers and UTF-8 but silently keeps the last of two equal keys.
        json.loads(text, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"$: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise PlanError(f"$: expected an object, got {type(document).__name__}")
    version = document.get("schema_version")
    major = SCHEMA_VERSION.partition(".")[0]
    if isinstance(version, str) and version.partition(".")[0] != major:
        raise PlanError(f"$.schema_version: {version!r} has another major version than {SCHEMA_VERSION!r}")
    return document


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        keys = [key for key, _ in pairs]
        raise PlanError(f"$: key {next(key for key in keys if keys.count(key) > 1)!r} occurs twice in one object")
    return table


def _convert(document: dict[str, Any]) -> Plan:
    try:
        return msgspec.convert(document, Plan)
    except msgspec.ValidationError as error:
        message, _, path = str(error).rpartition(" - at ")
        raise PlanError(f"{path.strip('`')}: {message}" if message else f"$: {error}") from error


def _digest(document: dict[str, Any]) -> str:
    try:
        return digest_of(document)
    except RecursionError as error:
        raise PlanError("$: nested too deeply to be checked against its digest") from error
    except UnicodeEncodeError as error:
        raise PlanError(f"$: text that is not UTF-8: {error.reason}") from error


def _minor(version: str) -> int:
    return int(version.partition(".")[2])


def _unknown(given: object, known: object, path: str) -> Iterator[str]:
    """Paths in `given` that the reader has no field for."""
    if isinstance(given, dict) and isinstance(known, dict):
        for key, value in given.items():
            if key not in known:
                yield f"{path}.{key}"
            else:
                yield from _unknown(value, known[key], f"{path}.{key}")
    elif isinstance(given, list) and isinstance(known, list | tuple):
        for i, (left, right) in enumerate(zip(given, known, strict=True)):
            yield from _unknown(left, right, f"{path}[{i}]")


def _whole(value: object) -> object:
    """The value with floats that are whole numbers as integers."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(each) for each in value]
    return value
