"""What an allocation must keep, recomputed from its rows; and the scenario of the epoch that follows it."""

import dataclasses

import pytest

from freesh_plugin.core.request import Partition
from models.allocation import evaluate_fixed
from models.allocation.pack import pack
from models.domain.allocation import AllocationResult, InstanceCount
from models.domain.scenario import Demand, Running, Scenario


def where(result: AllocationResult) -> dict[str, int]:
    """Instances by location."""
    found: dict[str, int] = {}
    for each in result.instances:
        found[each.location] = found.get(each.location, 0) + each.count
    return found


def served(result: AllocationResult, step: int = 0) -> float:
    return sum(each.served_rps for each in result.flows if each.step == step)


def two_classes(scenario: Scenario, rates: tuple[float, float], second_capacity_rps: float | None = None) -> Scenario:
    """The tiny scenario with classes R and S, of one rate each."""
    profile, slo = scenario.profiles[0], scenario.slos[0]
    other = dataclasses.replace(profile, request_class="S")
    if second_capacity_rps is not None:
        other = dataclasses.replace(other, capacity_rps=second_capacity_rps)
    return dataclasses.replace(
        scenario,
        partitions=(Partition("q", ("R", "S"), (), (100,)),),
        profiles=(profile, other),
        slos=(slo, dataclasses.replace(slo, request_class="S")),
        demand=tuple(Demand("q", name, 0, rate) for name, rate in zip("RS", rates, strict=True)),
    )


def check_feasible(scenario: Scenario, result: AllocationResult) -> None:
    """Stock, machines, capacity, demand, residency and SLO, recomputed from the rows."""
    assert not pack(scenario, result.instances).unpacked
    capacity = {
        (each.location, each.request_class, each.mode): each.count * profile.capacity_rps
        for each in result.instances
        for profile in scenario.profiles
        if (profile.request_class, profile.mode) == (each.request_class, each.mode)
    }
    used: dict[tuple[str, str, str, int], float] = {}
    got: dict[tuple[str, str, int], float] = {}
    for flow in result.flows:
        assert scenario.location(flow.location).allows(flow.origin)
        pool = flow.location, flow.request_class, flow.mode
        used[(*pool, flow.step)] = used.get((*pool, flow.step), 0.0) + flow.served_rps
        key = flow.request_class, flow.origin, flow.step
        got[key] = got.get(key, 0.0) + flow.served_rps
    for (name, request_class, mode, _), rate in used.items():
        assert rate <= capacity[name, request_class, mode] * (1 + 1e-6) + 1e-6
    for shed in result.shed:
        assert 0 < shed.fraction <= 1
        key = shed.request_class, shed.origin, shed.step
        got[key] = got.get(key, 0.0) + shed.shed_rps
    for row in scenario.demand:
        asked = row.demand_rps * scenario.demand_margin
        assert got.get((row.request_class, row.origin, row.step), 0.0) == pytest.approx(asked, rel=1e-5, abs=1e-5)


def without_one(instances: tuple[InstanceCount, ...], which: InstanceCount) -> list[InstanceCount]:
    return [
        dataclasses.replace(each, count=each.count - 1) if each == which else each
        for each in instances
        if each != which or each.count > 1
    ]


def check_no_waste(scenario: Scenario, result: AllocationResult) -> None:
    """Taking any one instance out sheds more, or costs more."""
    (partition,) = result.partition.values()
    shed = sum(each.shed_rps for each in result.shed)
    for each in result.instances:
        fewer = evaluate_fixed(scenario, partition, without_one(result.instances, each))
        more_shed = sum(other.shed_rps for other in fewer.shed) > shed + 1e-6
        assert fewer.objective is not None
        assert result.objective is not None
        assert more_shed or fewer.objective > result.objective * (1 + 1e-12), f"{each} is not needed"


def now_running(scenario: Scenario, result: AllocationResult) -> Scenario:
    """The scenario with a result in force, on the machines it packs onto."""
    rows = tuple(
        Running(
            each.location, each.machine, each.mode, each.request_class, each.instances,
            result.partition[each.model], each.model,
        )
        for each in pack(scenario, result.instances).slices
    )  # fmt: skip
    return dataclasses.replace(scenario, running=rows)
