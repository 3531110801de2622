"""Results that nobody ran: seeded numbers in the shape of an evaluation, to test pages and tables with."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sin
from random import Random

from models.evaluate.outcome_rows import BoundRow, Comparison, Estimate, GapClosed, HourRow, LayerRow, Summary
from models.evaluate.report.results import ALL, Results
from models.evaluate.report.tradeoff_rows import TradeoffRow
from models.simulator.run_scores import ClassScores, RunScores, SeriesRow

POLICIES = {
    "reference": "All GPUs on, highest clock, first come first served, nearest location.",
    "best_static_clock": "The reference at its best fixed clock.",
    "previous_plan_held": "The plan of the half hour before goes on.",
    "one_mixed_pool": "One pool for all classes.",
    "reactive_autoscaler": "Scales on queue and utilisation, best static clock.",
    "cleanest_autoscaler": "The cleanest allowed location with room, and that autoscaler.",
    "rightsized_min_energy": "The plan of least energy.",
    "carbon_agnostic_freesh": "FREESH without a carbon signal.",
    "dynamollm_like": "Pools by class, clocks by class, one location after another.",
    "freesh_constant_carbon": "FREESH with each location's carbon held at its mean.",
    "freesh": "The plan of each half hour, LLF, MIAD.",
    "freesh_perfect": "FREESH that knows what comes.",
}
SCENARIOS = ("low_spread", "high_spread", "residency_locked")
LOCATIONS = ("north", "south", "west")
_ENERGY = (100, 90, 80, 84, 75, 76, 70, 70, 78, 70, 69, 67)
_CARBON = (1, 1, 0.99, 0.98, 1, 0.8, 1, 0.97, 1, 0.85, 0.78, 0.76)
_BOUND_OF_REFERENCE = 0.5
_LAYERS = (
    ("right-sizing", "reference", "rightsized_min_energy", False),
    ("partition", "rightsized_min_energy", "carbon_agnostic_freesh", False),
    ("carbon signal", "carbon_agnostic_freesh", "freesh_constant_carbon", False),
    ("clock", "freesh_constant_carbon", "freesh", True),
)


@dataclass(frozen=True)
class _Cell:
    scenario: str
    hour: str
    spread: float
    offered: int


def made_up_results(
    seed: int = 1, hours: int = 3, *, policies: Sequence[str] = tuple(POLICIES), carbon: bool = True
) -> Results:
    """Results of so many hours for each kind of grids; without `carbon`, neither carbon nor cost is known."""
    rng = Random(seed)
    cells = [
        _Cell(
            scenario,
            f"{scenario}_{index + 1}",
            rng.uniform(20, 90) * (1 + 3 * (number == 1)),
            rng.randrange(3000, 9000),
        )
        for number, scenario in enumerate(SCENARIOS)
        for index in range(hours)
    ]
    runs = [_run(policy, cell, rng, carbon) for cell in cells for policy in policies]
    return Results(
        runs=tuple(runs),
        classes=tuple(row for run in runs for row in _classes(run, rng)),
        series=tuple(
            row for run, cell in zip(runs, _each(cells, len(policies)), strict=True) for row in _series(run, cell)
        ),
        layers=tuple(_layer(runs, *layer, model) for layer in _LAYERS for model in ("low", "mid", "high")),
        summary=_summary(runs, cells, policies),
        tradeoff=tuple(_tradeoff()),
        bounds=tuple(_bound(each) for each in runs if each.policy == "reference"),
    )


def _each(cells: Sequence[_Cell], times: int) -> list[_Cell]:
    return [cell for cell in cells for _ in range(times)]


def _run(policy: str, cell: _Cell, rng: Random, carbon: bool) -> RunScores:
    place = list(POLICIES).index(policy)
    energy = _ENERGY[place] * cell.offered / 6000 * rng.uniform(0.97, 1.03)
    factor = _CARBON[place] if cell.scenario == "high_spread" else 1 - (1 - _CARBON[place]) / 8
    kg = 0.3 * energy * factor
    attained = 0.985 - 0.004 * (place in (2, 3)) + rng.uniform(-0.001, 0.001)
    return RunScores(
        policy=policy, hour=cell.hour, scenario=cell.scenario, seed=1,
        energy_kwh=energy, energy_gpu_kwh=0.7 * energy, busy_kwh=0.4 * energy, idle_kwh=0.1 * energy,
        loading_kwh=0.02 * energy, parked_kwh=0.18 * energy, host_kwh=0.1 * energy,
        carbon_kg=kg if carbon else None, carbon_marginal_kg=1.4 * kg if carbon else None,
        carbon_marginal_signed_kg=1.3 * kg if carbon else None, cost_usd=0.08 * energy if carbon else None,
        offered=cell.offered, finished=cell.offered - 5, refused=2, shed=3,
        slo_attainment=attained, attainment_relaxed=0.999, attainment_tight=0.91,
        ttft_p50_s=0.11, ttft_p95_s=0.32, ttft_p99_s=0.8, tbt_p50_s=0.031, tbt_p95_s=0.044, tbt_p99_s=0.061,
        latency_p50_s=6.2, latency_p95_s=31.0, latency_p99_s=62.0,
        p99_stall_s=3.1 + rng.uniform(0, 1) + 4 * (place < 2), fairness_jain=0.97 + 0.01 * (place > 8),
        slowdown_gap=0.8,
        goodput_rps=cell.offered * attained / 3600, preemptions_per_request=0.2 * (place > 8), prefix_hit_rate=0.1,
        starts=3 * (place > 1), stops=2 * (place > 1), relabels=place // 4, clock_changes_per_min=6.0,
        gpu_hours=_ENERGY[place] / 3.0, simulated_s=3600.0, wall_s=4.0,
    )  # fmt: skip


def _classes(run: RunScores, rng: Random) -> list[ClassScores]:
    shares = {"SS": 0.4, "SL": 0.2, "LS": 0.3, "LL": 0.1}
    return [
        ClassScores(
            run.policy,
            run.hour,
            run.scenario,
            run.seed,
            name,
            "default",
            int(share * run.offered),
            min(run.slo_attainment + rng.uniform(-0.01, 0.01), 1.0),
            0.3,
            0.045,
            30.0,
        )
        for name, share in shares.items()
    ]


def _series(run: RunScores, cell: _Cell) -> list[SeriesRow]:
    rows = []
    for slot in range(12):
        clean = slot // 6
        for number, location in enumerate(LOCATIONS):
            intensity = 180 + cell.spread * sin(slot / 4 + 2 * number) / 2
            share = 0.55 if number == clean and run.policy.startswith("freesh") else 0.3
            rows.append(
                SeriesRow(
                    run.policy,
                    run.hour,
                    run.scenario,
                    run.seed,
                    300.0 * slot,
                    location,
                    1000 * run.energy_kwh / 3 * (0.9 + 0.2 * share),
                    None if run.carbon_kg is None else intensity,
                    None if run.carbon_kg is None else 1.5 * intensity,
                    run.offered / 3600 * share,
                    4.0,
                    0.45 if run.policy == "one_mixed_pool" else 0.62,
                    1400.0,
                )
            )
    return rows


def _bound(run: RunScores) -> BoundRow:
    kg = None if run.carbon_kg is None else _BOUND_OF_REFERENCE * run.carbon_kg
    return BoundRow(run.hour, run.scenario, _BOUND_OF_REFERENCE * run.energy_kwh, kg, kg)


def _layer(
    runs: Sequence[RunScores], layer: str, before: str, after: str, modelled: bool, power_model: str
) -> LayerRow:
    factor = {"low": 1.4, "mid": 1.0, "high": 0.5}[power_model] if modelled else 1.0
    kwh = factor * (_total(runs, after, "energy_kwh") - _total(runs, before, "energy_kwh"))
    kg = factor * (_total(runs, after, "carbon_kg") - _total(runs, before, "carbon_kg"))
    return LayerRow(
        layer, before, after, power_model, modelled, kwh, 1.2 * kwh, 0.8 * kwh, kg, 1.2 * kg, 0.8 * kg, 1.1 * kg,
        len({each.hour for each in runs}), _total(runs, before, "energy_kwh"), _total(runs, before, "carbon_kg"),
    )  # fmt: skip


def _total(runs: Sequence[RunScores], policy: str, name: str) -> float:
    return sum(getattr(each, name) or 0.0 for each in runs if each.policy == policy)


def _summary(runs: Sequence[RunScores], cells: Sequence[_Cell], policies: Sequence[str]) -> Summary:
    compared = [_comparison(runs, name, scenario) for scenario in (ALL, *SCENARIOS) for name in policies]
    return Summary(
        command="python -m models evaluate --made-up", version="0.0.0", made_at="2026-01-01T00:00:00Z",
        inputs={"carbon.csv": "ab" * 32}, fleet="Three invented sites.", workload="Made-up requests.",
        carbon="Made-up intensities.", prices="Made-up prices.", power="A made-up curve.",
        reference="reference", freesh="freesh", policies={name: POLICIES[name] for name in policies},
        hours=tuple(
            HourRow(each.hour, each.scenario, f"2026-01-{index + 1:02}T10:00:00Z", "made up", ("AA", "BB", "CC"))
            for index, each in enumerate(cells)
        ),
        seeds=(1,), comparisons=tuple(compared),
        gaps=(
            GapClosed("energy", False, "one_mixed_pool", Estimate(0.05, -0.02, 0.11), (515, 510, 459)),
            GapClosed("carbon", False, "cleanest_autoscaler", Estimate(0.71, 0.6, 0.8), (157, 140, 123)),
            GapClosed("energy", True, "cleanest_autoscaler", Estimate(0.55, 0.48, 0.61), (570, 510, 459)),
            GapClosed("carbon", True, "cleanest_autoscaler", Estimate(0.71, 0.6, 0.8), (157, 140, 123)),
        ),
        notes=("Every number of this page is made up.",),
    )  # fmt: skip


def _comparison(runs: Sequence[RunScores], policy: str, scenario: str) -> Comparison:
    ours = [each for each in runs if each.policy == policy and scenario in (ALL, each.scenario)]
    theirs = [each for each in runs if each.policy == "reference" and scenario in (ALL, each.scenario)]

    def less(name: str) -> Estimate | None:
        values = [(getattr(a, name), getattr(b, name)) for a, b in zip(ours, theirs, strict=True)]
        if any(a is None or b is None for a, b in values):
            return None
        mean = sum(a for a, _ in values) / sum(b for _, b in values) - 1
        return Estimate(mean, mean - 0.02, mean + 0.02)

    energy = less("energy_kwh") or Estimate(0.0)
    points = 100 * (sum(a.slo_attainment - b.slo_attainment for a, b in zip(ours, theirs, strict=True)) / len(ours))
    return Comparison(
        policy, scenario, len(ours), energy, less("energy_gpu_kwh") or energy, less("carbon_kg"),
        less("carbon_marginal_kg"), less("cost_usd"), Estimate(points, points - 0.1, points + 0.1), points > -0.2,
        policy == "previous_plan_held",
    )  # fmt: skip


def _tradeoff() -> list[TradeoffRow]:
    rows = []
    for gpu_type, top, best in (("A100", 1410, 870), ("H100", 1980, 1140)):
        for mhz in range(510, top + 1, 90):
            watts, tbt_s = 60 + 300 * (mhz / top) ** 2.4, 0.02 + 9 / mhz
            rows.append(
                TradeoffRow(
                    gpu_type, f"TP4x{gpu_type}", "modelled", mhz, 32, 1024, tbt_s, watts, watts * tbt_s, mhz == best
                )
            )
    return rows
