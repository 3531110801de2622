"""Class, tier and deadline of a request, from plan, headers and predicted latency."""

import msgspec
import pytest

from freesh_plugin.core.generation import GenerationRequest, ServiceWish
from freesh_plugin.core.plan import Plan, PlanCells, PlanPartition, Slo
from freesh_plugin.runtime.service_levels import ServiceLevels
from tests.fakes.plans import sample_plan

PREDICTED_S = 10.0
NO_WISH = ServiceWish()


def plan() -> Plan:
    base = sample_plan()
    model = next(iter(base.partition))
    pool = msgspec.structs.replace(base.pools[0], model=model, request_class="SS", tier="default", location="here")
    pools = (
        msgspec.structs.replace(pool, slo=Slo(6.0, 0.5, 0.1)),
        msgspec.structs.replace(pool, slo=Slo(4.0, 0.5, 0.1), location="there"),
        msgspec.structs.replace(pool, slo=Slo(2.0, 0.2, 0.1), tier="gold"),
        msgspec.structs.replace(pool, slo=Slo(90.0, 0.5, 0.1), request_class="SL"),
    )
    partition = PlanPartition("a", ("SS", "SL", "LS", "LL"), (100,), (444,))
    return msgspec.structs.replace(
        base, partition={model: partition}, pools=pools, cells={model: PlanCells((100,), (200, 444))}
    )


def request(prompt_tokens: int = 10, wish: ServiceWish = NO_WISH) -> GenerationRequest:
    return GenerationRequest(1, 1000.0, "", [1] * prompt_tokens, 500, 500, wish=wish)


def levels(location: str | None = "here", known: Plan | None = None) -> ServiceLevels:
    return ServiceLevels(known or plan(), None, location, 1.4)


def test_without_a_plan_the_deadline_is_a_multiple_of_the_predicted_latency() -> None:
    level = ServiceLevels(None, None, None, 1.4).of(request(), 300, PREDICTED_S)
    assert (level.deadline_s, level.promised) == (1000.0 + 14.0, False)
    assert (level.request_class, level.prompt_cell, level.predicted_cell) == ("unknown", "0-inf", "0-inf")


def test_the_plans_slo_of_the_class_is_the_deadline() -> None:
    level = levels().of(request(), 300, PREDICTED_S)
    assert (level.request_class, level.deadline_s, level.promised) == ("SS", 1006.0, True)
    assert (level.prompt_cell, level.predicted_cell) == ("0-100", "200-444")
    assert levels().of(request(), 444, PREDICTED_S).request_class == "SL"


def test_without_a_location_the_tightest_pool_counts() -> None:
    assert levels(location=None).of(request(), 300, PREDICTED_S).deadline_s == 1004.0


def test_a_class_without_a_pool_goes_by_predicted_latency() -> None:
    assert levels().of(request(200), 300, PREDICTED_S).deadline_s == 1014.0


@pytest.mark.parametrize(
    ("trusted", "asked_s", "given_s"), [(True, 1.0, 1.0), (True, 60.0, 60.0), (False, 1.0, 6.0), (False, 60.0, 60.0)]
)
def test_a_deadline_of_anybody_may_only_loosen(trusted: bool, asked_s: float, given_s: float) -> None:
    wish = ServiceWish(trusted=trusted, deadline_s=asked_s)
    assert levels().of(request(wish=wish), 300, PREDICTED_S).deadline_s == 1000.0 + given_s


@pytest.mark.parametrize(
    ("trusted", "asked_s", "promised"), [(True, 1.0, True), (False, 1.0, False), (False, 60.0, True)]
)
def test_without_a_plan_nobody_promises_what_anybody_asks_for(trusted: bool, asked_s: float, promised: bool) -> None:
    wish = ServiceWish(trusted=trusted, deadline_s=asked_s)
    assert ServiceLevels(None, None, None, 1.4).of(request(wish=wish), 300, PREDICTED_S).promised is promised


def test_tier_and_class_are_believed_of_the_gateway_alone() -> None:
    wish = ServiceWish(trusted=True, tier="gold", request_class="SL")
    level = levels().of(request(wish=wish), 300, PREDICTED_S)
    assert (level.tier, level.request_class, level.deadline_s) == ("gold", "SL", 1090.0)
    forged = msgspec.structs.replace(wish, trusted=False)
    level = levels().of(request(wish=forged), 300, PREDICTED_S)
    assert (level.tier, level.request_class) == ("default", "SS")


def test_a_class_that_the_partition_lacks_is_ignored() -> None:
    wish = ServiceWish(trusted=True, request_class="XXL")
    assert levels().of(request(wish=wish), 300, PREDICTED_S).request_class == "SS"


def test_unknown_boundaries_classify_nothing() -> None:
    known = plan()
    model = next(iter(known.partition))
    vague = msgspec.structs.replace(known.partition[model], prompt_tokens=None)
    known = msgspec.structs.replace(known, partition={model: vague})
    level = levels(known=known).of(request(), 300, PREDICTED_S)
    assert (level.request_class, level.deadline_s) == ("unknown", 1014.0)


@pytest.mark.parametrize(
    ("wish", "first_s"),
    [
        (NO_WISH, 0.5),
        (ServiceWish(trusted=True, deadline_s=1.0), 0.5),
        (ServiceWish(trusted=True, deadline_s=60.0), 54.5),
        (ServiceWish(trusted=False, deadline_s=60.0), 54.5),
    ],
)
def test_the_first_token_is_due_as_planned_and_later_for_whoever_has_more_time(
    wish: ServiceWish, first_s: float
) -> None:
    assert levels().of(request(wish=wish), 300, PREDICTED_S).first_due_s == 1000.0 + first_s


def test_without_a_planned_bound_no_first_token_is_due() -> None:
    assert ServiceLevels(None, None, None, 1.4).of(request(), 300, PREDICTED_S).first_due_s is None
    known = plan()
    loose = [msgspec.structs.replace(pool, slo=Slo(6.0, 0.0, 0.1)) for pool in known.pools]
    vague = msgspec.structs.replace(known, pools=tuple(loose))
    assert levels(known=vague).of(request(), 300, PREDICTED_S).first_due_s is None


def test_a_bound_on_the_first_token_alone_is_one() -> None:
    known = plan()
    pools = [msgspec.structs.replace(pool, slo=Slo(0.0, 0.5, 0.1)) for pool in known.pools]
    level = levels(known=msgspec.structs.replace(known, pools=tuple(pools))).of(request(), 300, PREDICTED_S)
    assert (level.first_due_s, level.deadline_s, level.promised) == (1000.5, 1014.0, False)
