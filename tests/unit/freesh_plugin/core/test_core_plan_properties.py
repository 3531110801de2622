"""Whatever a plan holds it survives the way there and back; whatever is no plan is refused as one."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.core.errors import PlanError
from freesh_plugin.core.plan import InstanceBand, Plan, Pool, Route, Slice, Slo
from freesh_plugin.core.plan_json import decode_plan, digest_of, encode_plan
from tests.fakes.plans import sample_plan, sample_text

DOCUMENT: dict[str, Any] = json.loads(sample_text())
names = st.text(min_size=1, max_size=12)
rates = st.floats(0, 1e12, allow_nan=False)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Valid plans of any pools, names and numbers."""
    keys = draw(st.lists(st.tuples(names, st.sampled_from(["SS", "SL", "LS", "LL"]), names), unique=True, max_size=4))
    pools, slices = [], []
    routes: list[Route] = []
    for location, request_class, mode in keys:
        least, more, most = sorted(draw(st.tuples(*[st.integers(0, 2**40)] * 3)))
        slo = Slo(draw(rates), draw(rates), draw(rates))
        pools.append(Pool(location, "default", request_class, mode, "default", InstanceBand(least, more, most), slo))
        slices.append(Slice(location, draw(names), "default", request_class, mode, more))
        if more and not any(each.request_class == request_class for each in routes):
            routes.append(Route("default", request_class, draw(names), {location: 1.0}))
    return sample_plan(
        scenario=draw(names), pools=tuple(pools), slices=tuple(slices), routes=tuple(routes), binding=(draw(st.text()),)
    )


@given(plans())
@settings(max_examples=100, deadline=None)
def test_any_plan_survives_the_way_there_and_back(plan: Plan) -> None:
    text = encode_plan(plan)
    assert decode_plan(text) == plan
    again: dict[str, Any] = json.loads(text)
    assert decode_plan(json.dumps(again, ensure_ascii=True).encode()) == plan


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(sorted(DOCUMENT))


@given(fields, json_values)
@settings(max_examples=300, deadline=None)
def test_any_field_of_any_kind_is_read_or_refused_as_a_plan_error(field: str, value: object) -> None:
    changed = {**DOCUMENT, field: value}
    with contextlib.suppress(PlanError):
        read = msgspec.to_builtins(decode_plan(json.dumps({**changed, "digest": digest_of(changed)}).encode()))[field]
        assert read is not None or (field == "explanation" and value is None)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_bytes_escape_as_another_error(text: bytes) -> None:
    with pytest.raises(PlanError):
        decode_plan(text)
