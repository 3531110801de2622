"""Independent answers to small allocation problems: PuLP with CBC for the published form, enumeration for both forms.

Written from the formulas alone; it shares no code with the planner.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pulp

from models.domain.scenario import Profile, Scenario

JOULES_PER_KWH = 3.6e6


def paper_by_cbc(scenario: Scenario, partition: str) -> float | None:
    """Optimum of the published form in one partition by PuLP and CBC; None where infeasible."""
    program = pulp.LpProblem("paper", pulp.LpMinimize)
    columns = list(paper_columns(scenario, partition))
    x = [program.add_variable(f"x{i}", lowBound=0, cat="Integer") for i in range(len(columns))]
    program += pulp.lpSum(cost * each for (_, _, _, cost), each in zip(columns, x, strict=True))
    for name, rate in peaks(scenario, partition).items():
        program += (
            pulp.lpSum(
                profile.capacity_rps * each
                for (_, profile, _, _), each in zip(columns, x, strict=True)
                if profile.request_class == name
            )
            >= rate
        )
    for location in scenario.locations:
        for kind, total in location.gpus.items():
            program += (
                pulp.lpSum(
                    gpus.get(kind, 0) * each
                    for (n, _, gpus, _), each in zip(columns, x, strict=True)
                    if n == location.name
                )
                <= total
            )
    program.solve(pulp.COIN_CMD(path=cbc_path(), msg=False, gapRel=0.0, gapAbs=0.0, threads=1))
    return float(pulp.value(program.objective) or 0.0) if pulp.LpStatus[program.status] == "Optimal" else None


def cbc_path() -> str:
    """The CBC that comes with PuLP 3."""
    return str(pulp.apis.PULP_CBC_CMD.pulp_cbc_path)


def paper_columns(scenario: Scenario, partition: str) -> Iterator[tuple[str, Profile, dict[str, int], float]]:
    """(location, profile, GPUs, Σ_t e·P·Δt) of every pair within its latency, TBT and TTFT bounds."""
    slo = {(each.partition, each.request_class): each for each in scenario.slos}
    gpus = {each.name: dict(each.gpus) for each in scenario.modes}
    for profile in scenario.profiles:
        level = slo[profile.partition, profile.request_class]
        within = (
            profile.latency_s <= level.latency_s and profile.tbt_s <= level.tbt_s and profile.ttft_s <= level.ttft_s
        )
        if profile.partition != partition or not within:
            continue
        for location in scenario.locations:
            e_sum = sum(each.carbon_gco2e_per_kwh for each in scenario.carbon if each.location == location.name)
            yield location.name, profile, gpus[profile.mode], e_sum * profile.full_power_w * scenario.step_s


def peaks(scenario: Scenario, partition: str) -> dict[str, float]:
    """α·max_t of each class's demand, whatever its origin."""
    rates: dict[tuple[str, int], float] = {}
    for row in scenario.demand:
        if row.partition == partition:
            key = row.request_class, row.step
            rates[key] = rates.get(key, 0.0) + scenario.demand_margin * row.demand_rps
    return {name: max(rate for (other, _), rate in rates.items() if other == name) for name, _ in rates}


def paper_by_enumeration(scenario: Scenario, partition: str) -> float | None:
    """Optimum of the published form by trying every allocation that fits."""
    columns = list(paper_columns(scenario, partition))
    best: float | None = None
    for counts in _allocations(scenario, [(n, gpus) for n, _, gpus, _ in columns]):
        capacity: dict[str, float] = {}
        for (_, profile, _, _), count in zip(columns, counts, strict=True):
            name = profile.request_class
            capacity[name] = capacity.get(name, 0.0) + profile.capacity_rps * count
        if all(capacity.get(name, 0.0) >= rate for name, rate in peaks(scenario, partition).items()):
            cost = sum(cost * count for (_, _, _, cost), count in zip(columns, counts, strict=True))
            best = cost if best is None else min(best, cost)
    return best


def _allocations(scenario: Scenario, columns: list[tuple[str, dict[str, int]]]) -> Iterator[tuple[int, ...]]:
    """Every vector of counts that keeps the stock."""
    stock = {(each.name, kind): total for each in scenario.locations for kind, total in each.gpus.items()}
    ranges = [
        range(1 + min((stock.get((n, kind), 0) // count for kind, count in gpus.items()), default=0))
        for n, gpus in columns
    ]
    for counts in itertools.product(*ranges):
        used = dict.fromkeys(stock, 0)
        for (n, gpus), count in zip(columns, counts, strict=True):
            for kind, each in gpus.items():
                used[n, kind] = used.get((n, kind), 0) + each * count
        if all(used[slot] <= total for slot, total in stock.items()):
            yield counts


@dataclass(frozen=True)
class Full:
    """Lexicographic optimum of the full form: worst shed fraction, total shed, objective."""

    worst: float
    total: float
    objective: float


def full_by_enumeration(scenario: Scenario, partition: str, epsilon_share: float = 1e-6) -> Full:
    """Optimum of the full form in carbon: one origin, one tier, nothing running, no caps; by trying everything.

    Given counts, each class and step fills the locations' pools in order of cost per request: with one origin that
    is optimal.
    """
    return _best(_outcomes(scenario, dict.fromkeys(scenario.models, partition), epsilon_share))


def models_by_enumeration(scenario: Scenario, epsilon_share: float = 1e-6) -> Full:
    """The same over every choice of a partition for each model; every class must have some mode that serves it."""
    profiled = {a: {each.partition for each in scenario.profiles if each.model == a} for a in scenario.models}
    return _best(
        outcome
        for choice in itertools.product(*(sorted(profiled[a]) for a in scenario.models))
        for outcome in _outcomes(scenario, dict(zip(scenario.models, choice, strict=True)), epsilon_share)
    )


def _outcomes(scenario: Scenario, chosen: dict[str, str], epsilon_share: float) -> Iterator[Full]:
    """What every allocation that fits comes to."""
    columns = list(_full_columns(scenario, chosen))
    weights = full_weights(scenario, epsilon_share)
    for counts in _allocations(scenario, [(n, gpus) for n, _, gpus in columns]):
        yield _outcome(scenario, chosen, columns, counts, weights)


def _best(all_outcomes: Iterable[Full]) -> Full:
    outcomes = list(all_outcomes)
    worst = min(each.worst for each in outcomes)
    fair = [each for each in outcomes if each.worst <= worst + 1e-9]
    total = min(each.total for each in fair)
    return min((each for each in fair if each.total <= total + 1e-9), key=lambda each: each.objective)


def servable(scenario: Scenario, partition: str) -> set[str]:
    """Classes that some mode may serve somewhere."""
    return {
        profile.request_class for _, profile, _ in _full_columns(scenario, dict.fromkeys(scenario.models, partition))
    }


def full_weights(scenario: Scenario, epsilon_share: float) -> dict[tuple[str, int], float]:
    """G per joule at the GPUs, PUE in it, never below ε."""
    raw = {(each.location, each.step): each.carbon_gco2e_per_kwh / JOULES_PER_KWH for each in scenario.carbon}
    epsilon = epsilon_share * (max(abs(each) for each in raw.values()) or 1.0)
    pue = {each.name: each.pue for each in scenario.locations}
    return {(n, t): max(each, epsilon) * pue[n] for (n, t), each in raw.items()}


def _full_columns(scenario: Scenario, chosen: dict[str, str]) -> Iterator[tuple[str, Profile, dict[str, int]]]:
    slo = {(each.model, each.partition, each.request_class): each for each in scenario.slos}
    gpus = {each.name: dict(each.gpus) for each in scenario.modes}
    origin = scenario.demand[0].origin
    for profile in scenario.profiles:
        level = slo[profile.model, profile.partition, profile.request_class]
        for location in scenario.locations:
            rtt_s = location.rtt_s.get(origin, 0.0)
            if (
                profile.partition == chosen[profile.model]
                and profile.capacity_rps > 0
                and all(location.gpus.get(kind, 0) >= count for kind, count in gpus[profile.mode].items())
                and profile.latency_s + rtt_s <= level.latency_s
                and profile.ttft_s + rtt_s <= level.ttft_s
                and profile.tbt_s <= level.tbt_s
                and (location.allowed_origins is None or origin in location.allowed_origins)
            ):
                yield location.name, profile, gpus[profile.mode]


def _outcome(
    scenario: Scenario,
    chosen: dict[str, str],
    columns: list[tuple[str, Profile, dict[str, int]]],
    counts: tuple[int, ...],
    weights: dict[tuple[str, int], float],
) -> Full:
    steps, step_s = range(scenario.steps), scenario.step_s
    parked = {(each.name, kind): each.parked_power_w[kind] for each in scenario.locations for kind in each.gpus}
    watts = {
        (each.name, t): each.host_power_w + sum(parked[each.name, kind] * total for kind, total in each.gpus.items())
        for each in scenario.locations
        for t in steps
    }
    for (n, profile, gpus), count in zip(columns, counts, strict=True):
        taken_w = sum(parked[n, kind] * each for kind, each in gpus.items())
        for t in steps:
            watts[n, t] += count * (max(profile.idle_power_w, taken_w) - taken_w)
    worst = total = 0.0
    for row in scenario.demand:
        asked = scenario.demand_margin * row.demand_rps
        if row.partition != chosen[row.model] or asked <= 0:
            continue
        share = (row.demand_rps if row.mean_rps is None else row.mean_rps) / asked
        left = asked
        able = [
            (weights[n, row.step] * _slope(profile, gpus, n, parked), n, profile, gpus, count)
            for (n, profile, gpus), count in zip(columns, counts, strict=True)
            if count and (profile.model, profile.request_class) == (row.model, row.request_class)
        ]
        for _, n, profile, gpus, count in sorted(able, key=lambda each: each[0]):
            served = min(left, profile.capacity_rps * count)
            watts[n, row.step] += served * share * _slope(profile, gpus, n, parked)
            left -= served
        if left > 1e-9:
            total += left
            if any((p.model, p.request_class) == (row.model, row.request_class) for _, p, _ in columns):
                worst = max(worst, left / asked)
    return Full(worst, total, math.fsum(weights[slot] * power * step_s for slot, power in watts.items()))


def _slope(profile: Profile, gpus: dict[str, int], location: str, parked: dict[tuple[str, str], float]) -> float:
    """(P1 - P0)/L, joules a request."""
    idle_w = max(profile.idle_power_w, sum(parked[location, kind] * each for kind, each in gpus.items()))
    return max(profile.full_power_w - idle_w, 0.0) / profile.capacity_rps
