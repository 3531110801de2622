"""The plan as JSON: round trip, forward compatibility, digest, and each rejection with its path."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import msgspec
import pytest

from freesh_plugin.core.errors import PlanError
from freesh_plugin.core.plan import SCHEMA_VERSION, Action, Transition
from freesh_plugin.core.plan_json import MAX_PLAN_BYTES, decode_plan, digest_of, encode_plan, plan_schema
from tests.fakes.plans import sample_plan, sample_text

SCHEMA_FILE = Path(__file__).parents[4] / "docs" / "schema" / f"plan-{SCHEMA_VERSION}.json"


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sample_text())
    return found


def sealed(changed: dict[str, Any]) -> bytes:
    """Text with the digest that belongs to it, so that only the change can be what is refused."""
    return json.dumps({**changed, "digest": digest_of(changed)}).encode()


def put(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """A change of one field, by a dotted path; numbers are indices, and the value ... deletes."""

    def change(changed: dict[str, Any]) -> None:
        *parents, last = [int(each) if each.isdigit() else each for each in path.split(".")]
        here: Any = changed
        for each in parents:
            here = here[each]
        if value is ...:
            del here[last]
        else:
            here[last] = value

    return change


def test_what_is_written_is_read_back() -> None:
    plan = sample_plan()
    assert decode_plan(encode_plan(plan)) == plan


def test_the_text_survives_another_json_tool() -> None:
    # Sorted, without spaces, and whole numbers without a point, as a JavaScript tool would write them.
    text = json.dumps(document(), sort_keys=True, separators=(",", ":")).replace("1.0,", "1,").replace("10.0", "10")
    assert decode_plan(text.encode()) == sample_plan()


def test_the_published_schema_is_the_one_in_force() -> None:
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == plan_schema()


def test_a_plan_keeps_the_published_schema_and_a_broken_one_does_not() -> None:
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(document())
    broken = document()
    broken["pools"][0]["instances"]["min"] = -1
    assert [list(each.absolute_path) for each in validator.iter_errors(broken)] == [["pools", 0, "instances", "min"]]


REJECTED = [
    ("mode", "maybe", "$.mode: "),
    ("epoch", ..., "$: Object missing required field `epoch`"),
    ("epoch", "1000000", "$.epoch: Expected `int`, got `str`"),
    ("epoch", 1.5, "$.epoch: Expected `int`, got `float`"),
    ("epoch", True, "$.epoch: Expected `int`, got `bool`"),
    ("epoch", 2**53, "$.epoch: Expected `int` <= 9007199254740991"),
    ("revision", 0, "$.revision: Expected `int` >= 1"),
    ("schema_version", "one", "$.schema_version: "),
    ("schema_version", 1.0, "$.schema_version: Expected `str`, got `float`"),
    ("scenario", "", "$.scenario: Expected `str` of length >= 1"),
    ("scenario", "x" * 201, "$.scenario: Expected `str` of length <= 200"),
    ("valid_from", 1_800_000_001, "$.valid_from: 1800000001 s, expected 1800000000 s for epoch 1000000"),
    ("stale_after", 1_800_001_801, "$.stale_after: 1800001801 s, expected 1800001800 s"),
    ("expires_at", 1_800_005_401, "$.expires_at: 1800005401 s, expected 1800005400 s"),
    ("partition.default.answer_tokens", None, "$.partition.default.answer_tokens: unknown boundary, allowed in advise"),
    ("partition.default.answer_tokens", [0], "$.partition[...].answer_tokens[0]: Expected `int` >= 1"),
    ("partition.default.answer_tokens", [444, 444], "$.partition.default.answer_tokens: boundary 444 after 444 is not"),
    ("partition.default.classes", ["SS", "SL"], "$.partition.default.classes: 2 classes for 4 cells"),
    ("partition.default.classes", ["SS", "SL", "LS", "SS"], "$.partition.default.classes: SS occurs 2 times"),
    ("partition", {}, "$.pools[0].model: 'default' has no partition in this plan"),
    ("cells", {}, "$.cells: no cells of model 'default'"),
    ("cells.default.answer_tokens", [400], "$.cells.default.answer_tokens: lacks boundary 444 tokens of partition 'a'"),
    ("cells.default.prompt_tokens", [256, 9], "$.cells.default.prompt_tokens: boundary 9 after 256 is not strictly"),
    ("pools.0.instances.min", -1, "$.pools[0].instances.min: Expected `int` >= 0"),
    ("pools.0.instances.min", 3, "$.pools[0].instances: min 3 <= target 2 <= max 3 does not hold"),
    ("pools.0.instances.max", 1, "$.pools[0].instances: min 1 <= target 2 <= max 1 does not hold"),
    ("pools.0.class", "XX", "$.pools[0].class: 'XX' is not a class of partition 'a'"),
    ("pools.0.class", ..., "$.pools[0]: Object missing required field `class`"),
    ("pools.0.slo.ttft_s", -0.1, "$.pools[0].slo.ttft_s: Expected `float` >= 0.0"),
    ("pools.0.sm_clock_mhz", {"floor": 1500, "ceiling": 900}, "$.pools[0].sm_clock_mhz: floor 1500 MHz is above"),
    ("pools.0.sm_clock_mhz.ceiling", 0, "$.pools[0].sm_clock_mhz.ceiling: 0 MHz, expected above 0"),
    ("routes.0.weights.loc1", 0.9, "$.routes[0].weights: add up to 0.9, expected 1"),
    ("routes.0.weights.loc1", 1.1, "$.routes[0].weights[...]: Expected `float` <= 1.0"),
    ("routes.0.weights", {"loc2": 1.0}, "$.routes[0].weights.loc2: 1, but no instance of 'SS' is there"),
    ("slices.0.instances", 3, "$.slices: 3 instances of loc1/default/SS/TP2xA100 placed, target 2"),
    ("slices", [], "$.slices: 0 instances of loc1/default/SS/TP2xA100 placed, target 2"),
    ("demand.0.mean_rps", -1.0, "$.demand[0].mean_rps: Expected `float` >= 0.0"),
    ("demand.0.class", "XX", "$.demand[0].class: 'XX' is not a class of partition 'a'"),
    ("shed_allowed.default", 1.5, "$.shed_allowed[...]: Expected `float` <= 1.0"),
    ("predicted.energy_j", None, "$.predicted.energy_j: Expected `float`, got `null`"),
    ("holds.0.reason", "", "$.holds[0].reason: Expected `str` of length >= 1"),
    ("inputs.0.state", "fine", "$.inputs[0].state: Invalid enum value 'fine'"),
    ("digest", "md5:0", "$.digest: "),
    ("weather", "fine", "$.weather: unknown field in schema version 1.1"),
    ("pools.0.colour", "red", "$.pools[0].colour: unknown field in schema version 1.1"),
]


@pytest.mark.parametrize(("path", "value", "message"), REJECTED)
def test_each_fault_is_refused_with_its_path(path: str, value: object, message: str) -> None:
    changed = document()
    put(path, value)(changed)
    text = json.dumps(changed).encode() if path == "digest" else sealed(changed)
    with pytest.raises(PlanError) as caught:
        decode_plan(text)
    assert str(caught.value).startswith(message), str(caught.value)


@pytest.mark.parametrize("name", ["pools", "routes", "slices", "demand"])
def test_rows_that_occur_twice_are_refused(name: str) -> None:
    changed = document()
    changed[name].append(changed[name][0])
    if name == "slices":
        changed["pools"][0]["instances"] = {"min": 1, "target": 4, "max": 4}
    if name == "pools":
        changed["slices"].append({**changed["slices"][0], "machine": "m2"})
    with pytest.raises(PlanError, match=rf"^\$\.{name}: .* occurs 2 times, expected once"):
        decode_plan(sealed(changed))


def test_carbon_steps_and_transitions_come_in_order() -> None:
    changed = document()
    changed["carbon"]["loc1"] *= 2
    with pytest.raises(PlanError, match=r"^\$\.carbon\.loc1: step 0 after 0 is not strictly ascending"):
        decode_plan(sealed(changed))
    steps = [Transition(order, Action.STOP, "loc1", "m1", "default", "SS", "TP2xA100", 1) for order in (1, 0)]
    with pytest.raises(PlanError, match=r"^\$\.transitions\[1\]\.order: 0 after 1, expected to ascend"):
        encode_plan(sample_plan(transitions=tuple(steps)))


def test_an_unknown_boundary_is_fine_to_read_about() -> None:
    changed = document()
    changed["mode"] = "advise"
    changed["partition"]["default"]["answer_tokens"] = None
    assert decode_plan(sealed(changed)).partition["default"].answer_tokens is None


def test_a_newer_minor_version_may_know_more_and_its_digest_covers_it() -> None:
    changed = document()
    changed["schema_version"] = "1.7"
    changed["weather"] = {"sun": [1, 2.5]}
    changed["pools"][0]["colour"] = "red"
    text = sealed(changed)
    assert decode_plan(text).pools == sample_plan().pools
    with pytest.raises(PlanError, match=r"^\$\.digest: .* does not match the content"):
        decode_plan(text.replace(b'"red"', b'"blue"'))


def test_another_major_version_is_refused_before_its_fields_are_read() -> None:
    changed = {"schema_version": "2.0", "all": "else is different"}
    with pytest.raises(PlanError, match=r"^\$\.schema_version: '2\.0' has another major version than '1\.1'"):
        decode_plan(sealed(changed))


def test_a_forged_plan_is_refused() -> None:
    text = sample_text()
    with pytest.raises(PlanError, match=r"^\$\.digest: sha256:\w+ does not match the content, expected sha256:"):
        decode_plan(text.replace(b'"carbon_g": 210.5', b'"carbon_g": 110.5'))
    changed = document()
    changed["digest"] = ""
    with pytest.raises(PlanError, match=r"^\$\.digest: empty does not match"):
        decode_plan(json.dumps(changed).encode())


def test_a_plan_that_is_not_sealed_is_not_written() -> None:
    unsealed = msgspec.structs.replace(sample_plan(), digest="")
    with pytest.raises(PlanError, match=r"^\$\.digest"):
        encode_plan(unsealed)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_cannot_hold_are_not_sealed(number: float) -> None:
    with pytest.raises(PlanError, match=r"^\$: a number that JSON cannot hold"):
        sample_plan(predicted=msgspec.structs.replace(sample_plan().predicted, carbon_g=number))


def test_every_truncation_is_refused() -> None:
    text = sample_text()
    for length in range(0, len(text) - 1, 37):
        with pytest.raises(PlanError, match=r"^\$"):
            decode_plan(text[:length])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"3",
        b"\xff\xfe{}",
        b"{}{}",
        b"<html><body>502 Bad Gateway</body></html>",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"a": 1, "a": 2}',
        sample_text().replace(b'"carbon_g": 210.5', b'"carbon_g": NaN'),
        sample_text().replace(b'"carbon_g": 210.5', b'"carbon_g": Infinity'),
        sample_text().replace(b'"carbon_g": 210.5', b'"carbon_g": -Infinity'),
        sample_text().replace(b'"carbon_g": 210.5', b'"carbon_g": 1e999'),
        sample_text().replace(b'"epoch": 1000000', b'"epoch": ' + b"9" * 5000),
        sample_text().replace(b'"sample"', b'"\\ud800"'),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_not_a_plan_is_refused_with_one_sentence(text: bytes) -> None:
    with pytest.raises(PlanError, match=r"^\$"):
        decode_plan(text)


def test_equal_keys_in_one_object_are_refused() -> None:
    doubled = sample_text().replace(b'"mode": "act"', b'"mode": "advise",\n "mode": "act"', 1)
    with pytest.raises(PlanError, match=r"^\$: key 'mode' occurs twice in one object"):
        decode_plan(doubled)


@pytest.mark.parametrize("depth", [10, 100, 300, 900, 5_000])
def test_nesting_in_fields_of_a_newer_version_never_escapes_as_another_error(depth: int) -> None:
    changed = {**document(), "schema_version": "1.9"}
    text = json.dumps(changed)[:-1].encode() + b', "deep": ' + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(PlanError, match=r"^\$"):
        decode_plan(text)


def test_a_huge_plan_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(PlanError, match=rf"^\$: plan has {MAX_PLAN_BYTES + 1} bytes, limit {MAX_PLAN_BYTES} bytes"):
        decode_plan(b" " * (MAX_PLAN_BYTES + 1))


def test_digest_is_what_another_tool_computes() -> None:
    # sha256 of {"a":[1,2.5,"é"],"b":{"x":null,"y":true}}, by sha256sum.
    document = {"b": {"y": True, "x": None}, "digest": "ignored", "a": [1.0, 2.5, "é"]}
    assert digest_of(document) == "sha256:07a7aab2850bf0d507fc256afd037f9c20955103fc5327db30de36a7a9ba2173"
