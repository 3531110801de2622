"""A policy over all its runs: sums of the hours, means of the seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.simulator.run_scores import RunScores


@dataclass(frozen=True)
class Totals:
    """One policy over the hours; energy at the wall. What is not known in one run is not known in sum.

    Attributes:
        policy: Name of the policy.
        hours: How many there are.
        energy_kwh, energy_gpu_kwh, carbon_kg, carbon_marginal_kg, cost_usd: Sums over hours, means over seeds.
        offered: Requests, all runs together.
        lost_share: Shed or refused, of the offered.
        slo_attainment, attainment_relaxed, attainment_tight: Of the offered of all runs.
        p99_stall_s, fairness_jain: Means over the runs.
        starts, relabels, gpu_hours: Sums over hours, means over seeds.
    """

    policy: str
    hours: int
    energy_kwh: float
    energy_gpu_kwh: float
    carbon_kg: float | None
    carbon_marginal_kg: float | None
    cost_usd: float | None
    offered: int
    lost_share: float
    slo_attainment: float
    attainment_relaxed: float
    attainment_tight: float
    p99_stall_s: float
    fairness_jain: float
    starts: float
    relabels: float
    gpu_hours: float


def totals(policy: str, runs: Sequence[RunScores]) -> Totals:
    """Sum up the runs of one policy; at least one."""
    hours = {(each.hour, each.scenario) for each in runs}
    seeds = len(runs) / len(hours)
    offered = sum(each.offered for each in runs)

    def summed(of: Callable[[RunScores], float | None]) -> float | None:
        values = [value for value in map(of, runs) if value is not None]
        return sum(values) / seeds if len(values) == len(runs) else None

    def known(of: Callable[[RunScores], float]) -> float:
        return sum(map(of, runs)) / seeds

    def of_offered(of: Callable[[RunScores], float]) -> float:
        return sum(of(each) * each.offered for each in runs) / offered if offered else float("nan")

    def mean(of: Callable[[RunScores], float]) -> float:
        return sum(map(of, runs)) / len(runs)

    return Totals(
        policy=policy,
        hours=len(hours),
        energy_kwh=known(lambda run: run.energy_kwh),
        energy_gpu_kwh=known(lambda run: run.energy_gpu_kwh),
        carbon_kg=summed(lambda run: run.carbon_kg),
        carbon_marginal_kg=summed(lambda run: run.carbon_marginal_kg),
        cost_usd=summed(lambda run: run.cost_usd),
        offered=offered,
        lost_share=sum(each.shed + each.refused for each in runs) / offered if offered else float("nan"),
        slo_attainment=of_offered(lambda run: run.slo_attainment),
        attainment_relaxed=of_offered(lambda run: run.attainment_relaxed),
        attainment_tight=of_offered(lambda run: run.attainment_tight),
        p99_stall_s=mean(lambda run: run.p99_stall_s),
        fairness_jain=mean(lambda run: run.fairness_jain),
        starts=known(lambda run: run.starts),
        relabels=known(lambda run: run.relabels),
        gpu_hours=known(lambda run: run.gpu_hours),
    )
