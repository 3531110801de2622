"""What every plan of a random fleet must keep, recomputed from its rows alone: limits, exposure, objective."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import pytest

from models.domain.allocation import AllocationResult, InstanceCount
from models.domain.scenario import Demand, Profile, Scenario, Survive
from tests.fakes.fleet_site import Site

NEAR = 1e-5
"""Relative, and in req/s, W or J absolute: to what solvers hold a constraint."""


class Rows:
    """A result beside its scenario, indexed.

    Args:
        scenario: Whose objective is carbon.
        result: Of the full form.
    """

    def __init__(self, scenario: Scenario, result: AllocationResult) -> None:
        self.scenario, self.result, self.site = scenario, result, Site(scenario)
        self.profiles = {
            (each.model, each.request_class, each.mode): each
            for each in scenario.profiles
            if result.partition[each.model] == each.partition
        }
        self.demand = [row for row in scenario.demand if row.partition == result.partition[row.model]]
        modes = self.site.modes.values()
        self.late = max((-(-each.startup_s // scenario.step_s) for each in modes), default=0) if scenario.running else 0

    def profile(self, each: InstanceCount) -> Profile:
        return self.profiles[each.model, each.request_class, each.mode]

    def window(self, each: InstanceCount) -> range:
        """Steps in which its machine is there."""
        return (
            range(self.scenario.steps) if each.machine is None else self.site.machines[each.location, each.machine][1]
        )

    def asked(self, row: Demand) -> float:
        return row.demand_rps * self.scenario.demand_margin


def check_rows(scenario: Scenario, result: AllocationResult, *, limit_kept: bool = True) -> None:
    """Every hard constraint. `limit_kept` False: the plan may change more than allowed."""
    assert set(result.partition) == set(scenario.models), "one partition for each model"
    rows = Rows(scenario, result)
    assert all(each.count > 0 for each in result.instances)
    assert _placeable(rows), "the instances do not fit the machines"
    _check_capacity(rows)
    _check_demand(rows)
    _check_shares(rows)
    _check_caps(rows)
    if limit_kept and scenario.max_changes_per_location is not None and scenario.running:
        changed: Counter[str] = Counter()
        for (location, *_), change in _changes(rows).items():
            changed[location] += abs(change)
        assert max(changed.values(), default=0) <= scenario.max_changes_per_location


def check_exposed(scenario: Scenario, result: AllocationResult) -> None:
    """What each loss leaves unserved: the least by a minimum cut, for every class, against what is said.

    It counts once no start is under way: from the first step, or from when the slowest mode is ready, by which modes
    are of any use.
    """
    rows = Rows(scenario, result)
    said = {(each.lost, each.model, each.request_class): each.short_rps for each in result.exposed}
    silent = {
        ("/".join(lost), row.model, row.request_class): 0.0 for lost in sorted(_losses(rows)) for row in rows.demand
    }
    for (where, model, name), short_rps in (silent | said).items():
        least = [_short(rows, tuple(where.split("/")), model, name, t) for t in range(scenario.steps)]
        worst = (max(least), max(least[int(rows.late) :]))
        near = [short_rps == pytest.approx(each, rel=2e-3, abs=2e-3) for each in worst]
        assert any(near), f"without {where}: {short_rps} of {model}, {name}, expected {worst}"


def objective_g(scenario: Scenario, result: AllocationResult) -> float:
    """The objective from instances and flows: parked, hosts, idle, load at the mean, starts; power must be straight."""
    rows = Rows(scenario, result)
    total = rows.site.base_g
    for each in result.instances:
        _, idle_w, _ = rows.site.lines(rows.profile(each), each.location)[0]
        price = sum(rows.site.price_g_j[each.location, t] for t in rows.window(each))
        total += price * idle_w * each.count * scenario.step_s
    share = {
        (row.model, row.request_class, row.origin, row.tier, row.step): 1.0
        if row.mean_rps is None
        else row.mean_rps / row.demand_rps
        for row in rows.demand
        if row.demand_rps
    }
    for flow in result.flows:
        profile = rows.profiles[flow.model, flow.request_class, flow.mode]
        _, _, joules = rows.site.lines(profile, flow.location)[0]
        part = share[flow.model, flow.request_class, flow.origin, flow.tier, flow.step] / scenario.demand_margin
        total += rows.site.price_g_j[flow.location, flow.step] * joules * flow.served_rps * part * scenario.step_s
    return total + _starts_g(rows)


def _starts_g(rows: Rows) -> float:
    """Energy of the instances that are more than run now, in the step in which they start."""
    total = 0.0
    for (location, holder, _, gpus), change in _changes(rows).items():
        energy_j = max(m.startup_energy_j for m in rows.scenario.modes if _hardware(rows, m.name) == gpus)
        first = rows.site.machines[location, holder][1].start if holder else 0
        total += max(change, 0) * energy_j * rows.site.price_g_j[location, first]
    return total


Place = tuple[str, str, str, tuple[tuple[str, int], ...]]
"""Location, machine where it matters, model, GPUs of an instance."""


def _hardware(rows: Rows, mode: str) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(rows.site.modes[mode].gpus.items()))


def _changes(rows: Rows) -> dict[Place, int]:
    """Instances more (or fewer) than run now; none where it is not known what runs."""
    changes: Counter[Place] = Counter()
    if not rows.scenario.running:
        return {}
    for each in rows.result.instances:
        changes[each.location, each.machine or "", each.model, _hardware(rows, each.mode)] += each.count
    for row, machine in rows.site.running:
        changes[row.location, rows.site.holder(row.location, machine), row.model, _hardware(rows, row.mode)] -= 1
    return dict(changes)


def _placeable(rows: Rows) -> bool:
    """Whether the instances fit their machines, or, where none is named, some machine of their location."""
    free = {place: Counter(gpus) for place, (gpus, _) in rows.site.machines.items()}
    loose: list[tuple[str, Mapping[str, int]]] = []
    for each in rows.result.instances:
        needs = rows.site.modes[each.mode].gpus
        if each.machine is None:
            loose += [(each.location, needs)] * each.count
        else:
            assert rows.site.holder(each.location, each.machine) == each.machine
            free[each.location, each.machine].subtract({kind: n * each.count for kind, n in needs.items()})
    if any(count < 0 for gpus in free.values() for count in gpus.values()):
        return False
    anywhere = {place: gpus for place, gpus in free.items() if not rows.site.holder(*place)}
    return _fit(sorted(loose, key=str, reverse=True), anywhere)


def _fit(loose: list[tuple[str, Mapping[str, int]]], free: dict[tuple[str, str], Counter[str]]) -> bool:
    if not loose:
        return True
    (location, needs), *others = loose
    tried = set()
    for (name, _), gpus in free.items():
        look = tuple(sorted(gpus.items()))
        if name == location and look not in tried and all(gpus[kind] >= count for kind, count in needs.items()):
            tried.add(look)
            gpus.subtract(needs)
            if _fit(others, free):
                return True
            gpus.update(needs)
    return False


def _check_capacity(rows: Rows) -> None:
    """Each pool serves what its instances may and can, and what starts serves late."""
    used: dict[tuple[str, str, str, str, int], float] = defaultdict(float)
    asked = {(row.model, row.request_class, row.origin, row.tier, row.step): row for row in rows.demand}
    for flow in rows.result.flows:
        profile = rows.profiles[flow.model, flow.request_class, flow.mode]
        row = asked[flow.model, flow.request_class, flow.origin, flow.tier, flow.step]
        assert rows.site.allowed(row, profile, flow.location), f"{flow} breaks residency or the service level"
        used[flow.location, flow.model, flow.request_class, flow.mode, flow.step] += flow.served_rps
    by_hardware: dict[tuple[str, str, tuple[tuple[str, int], ...], int], float] = defaultdict(float)
    for (location, model, name, mode, t), rate in used.items():
        there = sum(
            each.count
            for each in rows.result.instances
            if each.pool == (location, model, name, mode) and t in rows.window(each)
        )
        leaving = [row for row, _ in rows.site.running if t < rows.late and row.location == location]
        there += sum((row.model, row.request_class, row.mode) == (model, name, mode) for row in leaving)
        assert rate <= there * rows.profiles[model, name, mode].capacity_rps * (1 + NEAR) + NEAR
        by_hardware[location, model, _hardware(rows, mode), t] += rate / rows.profiles[model, name, mode].capacity_rps
    for (location, model, gpus, t), busy in by_hardware.items():
        same = [each for each in rows.scenario.modes if _hardware(rows, each.name) == gpus]
        if rows.scenario.running and all(t * rows.scenario.step_s < each.startup_s for each in same):
            standing = [row for row, _ in rows.site.running if (row.location, row.model) == (location, model)]
            assert busy <= sum(_hardware(rows, row.mode) == gpus for row in standing) + 1e-3, "who starts serves late"


def _check_demand(rows: Rows) -> None:
    got: dict[tuple[str, str, str, str, int], float] = defaultdict(float)
    for flow in rows.result.flows:
        got[flow.model, flow.request_class, flow.origin, flow.tier, flow.step] += flow.served_rps
    for shed in rows.result.shed:
        assert 0 < shed.fraction <= 1
        got[shed.model, shed.request_class, shed.origin, shed.tier, shed.step] += shed.shed_rps
    for row in rows.demand:
        key = row.model, row.request_class, row.origin, row.tier, row.step
        assert got.pop(key, 0.0) == pytest.approx(rows.asked(row), rel=2 * NEAR, abs=NEAR)
    assert not got, "what nobody asked is served or shed"


def _check_shares(rows: Rows) -> None:
    for location in rows.scenario.locations:
        for t in range(rows.scenario.steps):
            here = sum(f.served_rps for f in rows.result.flows if (f.location, f.step) == (location.name, t))
            asked = sum(rows.asked(row) for row in rows.demand if row.step == t)
            assert here <= location.max_share * asked * (1 + NEAR) + NEAR


def _check_caps(rows: Rows) -> None:
    """Watts at the planned demand; where power is bent, at least those of the lowest of its lines."""
    for location in rows.scenario.locations:
        if location.power_cap_w is None:
            continue
        for t in range(rows.scenario.steps):
            watts = rows.site.base_w[location.name, t]
            for each in rows.result.instances:
                if each.location == location.name and t in rows.window(each):
                    watts += each.count * min(idle for _, idle, _ in rows.site.lines(rows.profile(each), location.name))
            for flow in rows.result.flows:
                if (flow.location, flow.step) == (location.name, t):
                    profile = rows.profiles[flow.model, flow.request_class, flow.mode]
                    watts += flow.served_rps * min(joules for _, _, joules in rows.site.lines(profile, location.name))
            assert watts * location.pue <= location.power_cap_w * (1 + NEAR) + NEAR


def _losses(rows: Rows) -> set[tuple[str, ...]]:
    if rows.scenario.survive is Survive.LOCATION:
        return {(each.location,) for each in rows.result.instances}
    if rows.scenario.survive is Survive.MACHINE:
        return {(each.location, each.machine or "") for each in rows.result.instances}
    return set()


def _short(rows: Rows, lost: tuple[str, ...], model: str, name: str, t: int) -> float:
    """Least protected demand of a class that is left unserved: the largest lack of any set of its streams."""
    protected = {each.name for each in rows.scenario.tiers if each.protected}
    streams = [
        row
        for row in rows.demand
        if (row.model, row.request_class, row.step) == (model, name, t)
        and row.tier in protected
        and rows.site.servable(row)
    ]
    left = [
        each
        for each in rows.result.instances
        if (each.model, each.request_class) == (model, name)
        and t in rows.window(each)
        and (each.location != lost[0] or (len(lost) == 2 and (each.machine or "") != lost[1]))
    ]
    worst = 0.0
    for some in _subsets(streams):
        able = [each for each in left if any(rows.site.allowed(row, rows.profile(each), each.location) for row in some)]
        capacity_rps = sum(each.count * rows.profile(each).capacity_rps for each in able)
        worst = max(worst, sum(map(rows.asked, some)) - capacity_rps)
    return worst


def _subsets(streams: list[Demand]) -> Iterator[tuple[Demand, ...]]:
    return itertools.chain.from_iterable(itertools.combinations(streams, k) for k in range(1, len(streams) + 1))
