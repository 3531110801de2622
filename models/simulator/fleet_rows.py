"""Rows of a run: service as users saw it, energy at the wall, both ledgers of carbon, and cost."""

from dataclasses import asdict, dataclass

from freesh_plugin.core.units import JOULES_PER_KWH
from models.simulator.fleet_record import FleetRecord
from models.simulator.footprint import footprint
from models.simulator.instance_types import Draw
from models.simulator.run_scores import ClassScores, RunScores

_S_PER_HOUR = 3600.0
_S_PER_MINUTE = 60.0


@dataclass(frozen=True)
class RunNames:
    """By what a run is known: policy, hour, kind of grids, seed."""

    policy: str
    hour: str
    scenario: str
    seed: int


def run_row(run: FleetRecord, names: RunNames) -> RunScores:
    """One run in numbers."""
    tally = run.tally
    ttft, tbt, latency = (tally.merged(name) for name in ("ttft", "tbt", "latency"))
    slowdowns = tally.slowdowns()
    gpu_j, wall_j = _joules(run)
    offered, served = max(tally.offered, 1), max(tally.finished, 1)
    return RunScores(
        **asdict(names),
        **asdict(footprint(run)),
        energy_kwh=wall_j / JOULES_PER_KWH,
        energy_gpu_kwh=gpu_j / JOULES_PER_KWH,
        busy_kwh=run.books.total_j(Draw.BUSY) / JOULES_PER_KWH,
        idle_kwh=run.books.total_j(Draw.IDLE) / JOULES_PER_KWH,
        loading_kwh=run.books.total_j(Draw.LOADING) / JOULES_PER_KWH,
        parked_kwh=run.books.total_j(Draw.PARKED) / JOULES_PER_KWH,
        host_kwh=run.books.total_j(Draw.HOST) / JOULES_PER_KWH,
        offered=tally.offered,
        finished=tally.finished,
        refused=tally.refused,
        shed=tally.shed,
        slo_attainment=tally.kept / offered,
        attainment_relaxed=tally.relaxed / offered,
        attainment_tight=tally.tight / offered,
        ttft_p50_s=ttft.quantile(0.5),
        ttft_p95_s=ttft.quantile(0.95),
        ttft_p99_s=ttft.quantile(0.99),
        tbt_p50_s=tbt.quantile(0.5),
        tbt_p95_s=tbt.quantile(0.95),
        tbt_p99_s=tbt.quantile(0.99),
        latency_p50_s=latency.quantile(0.5),
        latency_p95_s=latency.quantile(0.95),
        latency_p99_s=latency.quantile(0.99),
        p99_stall_s=tally.stall.quantile(0.99),
        fairness_jain=_jain(slowdowns),
        slowdown_gap=max(slowdowns, default=0.0) - min(slowdowns, default=0.0),
        goodput_rps=tally.kept / run.duration_s,
        preemptions_per_request=tally.preemptions / served,
        prefix_hit_rate=tally.cached_tokens / max(tally.prompt_tokens, 1),
        starts=run.starts,
        stops=run.stops,
        relabels=run.relabels,
        clock_changes_per_min=run.clock_changes / run.loaded_s * _S_PER_MINUTE if run.loaded_s else 0.0,
        gpu_hours=run.gpu_s / _S_PER_HOUR,
        simulated_s=run.end_s,
        wall_s=run.wall_s,
    )


def class_rows(run: FleetRecord, names: RunNames) -> list[ClassScores]:
    """One row a class and tier that had requests."""
    return [
        ClassScores(
            **asdict(names),
            request_class=request_class,
            tier=tier,
            offered=of.offered,
            attainment=of.kept / of.offered,
            ttft_p95_s=of.ttft.quantile(0.95),
            tbt_p95_s=of.tbt.quantile(0.95),
            latency_p95_s=of.latency.quantile(0.95),
        )
        for (request_class, tier), of in sorted(run.tally.classes.items())
    ]


def _joules(run: FleetRecord) -> tuple[float, float]:
    """Joules of the GPUs alone, and of all at the wall."""
    cells = list(run.books.cells())
    gpu_j = sum(cell.gpu_j for _, _, cell in cells)
    return gpu_j, sum(cell.site_j * run.fleet.by_name[location].pue for location, _, cell in cells)


def _jain(values: list[float]) -> float:
    """Jain's index; 1 of none."""
    squares = sum(each * each for each in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0
