"""The data of the published program, to the letter: its columns, costs, demand and stock, one program a partition.

He et al., arXiv 2511.00807: min Σ e·P̃·Δt·x subject to demand, stock, latency bounds and exactly one partition.
Demand enters only through its maximum over time, so it is aggregated, exactly.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from freesh_plugin.core.units import JOULES_PER_KWH
from models.allocation.signals import weights_per_joule
from models.domain.scenario import Objective, Profile, Scenario, ServiceLevel


@dataclass(frozen=True)
class PaperColumn:
    """x[n,r,m] of one partition: whole instances, at least 0.

    Attributes:
        gpus: G[m,c], by type.
        capacity_rps: L̄[q,r,m].
        cost: Σ_t e[n,t]·P̃[q,r,m]·Δt of one instance, in the file's units (signed).
        power_w: P̃[q,r,m].
    """

    location: str
    request_class: str
    mode: str
    gpus: tuple[tuple[str, int], ...]
    capacity_rps: float
    cost: float
    power_w: float


@dataclass(frozen=True)
class PaperProgram:
    """One partition of the published program.

    Attributes:
        partition: q.
        columns: Pairs that keep the latency bounds, at every location.
        demand_rps: α·max_t L̃[q,r,t] by class.
        stock: Ḡ[n,c] by location and GPU type.
    """

    partition: str
    columns: tuple[PaperColumn, ...]
    demand_rps: Mapping[str, float]
    stock: Mapping[tuple[str, str], int]


def paper_programs(scenario: Scenario, objective: Objective) -> tuple[PaperProgram, ...]:
    """One program for every partition that the scenario's model is profiled in."""
    weights = _epoch_weights(scenario, objective)
    stock = {(each.name, kind): gpus for each in scenario.locations for kind, gpus in each.gpus.items()}
    profiled = {each.partition for each in scenario.profiles}
    return tuple(
        PaperProgram(each.name, _columns(scenario, each.name, weights), _demand(scenario, each.name), stock)
        for each in scenario.partitions
        if each.name in profiled
    )


def _epoch_weights(scenario: Scenario, objective: Objective) -> dict[str, float]:
    """Σ_t e[n,t]·Δt by location. Carbon alone stays in the file's unit, as published; all else is per joule."""
    per_joule = weights_per_joule(scenario, objective)
    unit = JOULES_PER_KWH if objective.name == "carbon" else 1.0
    totals = {each.name: 0.0 for each in scenario.locations}
    for (location, _), weight in per_joule.items():
        totals[location] += weight * unit * scenario.step_s
    return totals


def _columns(scenario: Scenario, partition: str, weights: Mapping[str, float]) -> tuple[PaperColumn, ...]:
    hardware = {each.name: each.hardware for each in scenario.modes}
    limits: dict[str, list[ServiceLevel]] = {}
    for level in scenario.slos:
        if level.partition == partition:
            limits.setdefault(level.request_class, []).append(level)
    rows = [
        each
        for each in scenario.profiles
        if each.partition == partition and all(meets(each, level) for level in limits.get(each.request_class, []))
    ]
    return tuple(
        PaperColumn(
            location.name, each.request_class, each.mode, hardware[each.mode], each.capacity_rps,
            weights[location.name] * each.full_power_w, each.full_power_w,
        )
        for location in scenario.locations
        for each in rows
        if all(location.gpus.get(kind, 0) >= count for kind, count in hardware[each.mode])
    )  # fmt: skip


def meets(profile: Profile, level: ServiceLevel, rtt_s: float = 0.0) -> bool:
    """Whether a mode keeps a class's bounds for an origin: D + τ, TTFT + τ and TBT against the SLO, in seconds."""
    return (
        profile.latency_s + rtt_s <= level.latency_s
        and profile.ttft_s + rtt_s <= level.ttft_s
        and profile.tbt_s <= level.tbt_s
    )


def _demand(scenario: Scenario, partition: str) -> dict[str, float]:
    """α·max_t L̃[q,r,t]; origins and tiers, which the published form does not know, are added up."""
    totals: dict[tuple[str, int], float] = {}
    for row in scenario.demand:
        if row.partition == partition:
            slot = (row.request_class, row.step)
            totals[slot] = totals.get(slot, 0.0) + row.demand_rps
    peaks: dict[str, float] = {}
    for (request_class, _), rate in totals.items():
        peaks[request_class] = max(peaks.get(request_class, 0.0), rate * scenario.demand_margin)
    return peaks


def unserved(program: PaperProgram) -> list[str]:
    """Classes with demand that no mode may serve anywhere."""
    able = {each.request_class for each in program.columns if each.capacity_rps > 0}
    return [name for name, rate in sorted(program.demand_rps.items()) if rate > 0 and name not in able]


def undominated(program: PaperProgram) -> PaperProgram:
    """The program without columns that another replaces in any solution, one for one, at no loss: exact.

    Column k replaces j of the same location and class when it costs no more, serves no less and takes no more GPUs
    of any type. A column that serves nothing and saves nothing is replaced by nothing.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for i, each in enumerate(program.columns):
        if each.capacity_rps > 0 or each.cost < 0:
            groups.setdefault((each.location, each.request_class), []).append(i)
    kept = sorted(i for group in groups.values() for i in _unreplaced(program.columns, group))
    return dataclasses.replace(program, columns=tuple(program.columns[i] for i in kept))


def _unreplaced(columns: Sequence[PaperColumn], group: Sequence[int]) -> list[int]:
    """Those of a group that no other replaces; of equal ones the first."""
    kinds = sorted({kind for i in group for kind, _ in columns[i].gpus})
    # Per column: cost, less the capacity, GPUs by type. One replaces another that is nowhere below it.
    burdens = np.array(
        [
            (columns[i].cost, -columns[i].capacity_rps, *(dict(columns[i].gpus).get(kind, 0) for kind in kinds))
            for i in group
        ]
    )
    no_worse = (burdens[:, None, :] <= burdens[None, :, :]).all(axis=2)
    earlier = np.triu(np.ones_like(no_worse), k=1)
    replaces = no_worse & (~no_worse.T | earlier)
    return [group[j] for j in np.flatnonzero(~replaces.any(axis=0)).tolist()]
