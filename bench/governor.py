"""The clock governor against every static clock, other rules and a clairvoyant schedule: simulated, constants assumed.

Cells `governor_low`, `governor_mid`, `governor_high`: all policies under one power model each, on seeds that no setting
was chosen on. `governor_sensitivity`: MIAD against the highest clock with each constant 30 % lower and higher, of the
times, the watts, the loads and the governor itself. `governor_floor`: the floor of one power model under another.

Usage: python -m bench.governor [CELL ...]
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from statistics import fmean
from typing import Any, TypeVar

from bench.record import ROOT, is_current, record, seconds
from freesh_plugin.core.miad import MiadRule
from freesh_plugin.core.power_model import VARIANTS, PowerModel, ShareModel
from freesh_plugin.core.step_model import StepModel
from freesh_plugin.runtime.governor_settings import GovernorSettings
from models.commands.governor_bench import REPORTED_SEEDS
from models.simulator.governor_bench import (
    CAPACITY_RPS,
    CLAIRVOYANT,
    STATIC,
    GovernorRun,
    clocks_of,
    instance_with,
    policies,
    run_one,
)
from models.simulator.governor_capacity import SEARCH_SEEDS, capacity_rps
from models.simulator.governor_model import Instance
from models.simulator.governor_run import GovernorScores
from models.simulator.governor_workload import Load
from models.simulator.processes import done_by_all
from models.simulator.queue_bench import paired

RUNTIME = (
    "backoff", "governor", "governor_settings", "governor_signals", "gpu_guard", "pressure", "required_speed",
    "tbt_floor", "telemetry_guard",
)  # fmt: skip
GOVERNOR_CODE = [
    *(ROOT / "freesh_plugin" / "runtime" / f"{name}.py" for name in RUNTIME),
    *(ROOT / "freesh_plugin" / "core" / f"{name}.py" for name in ("miad", "power_model", "step_model")),
]
SIMULATOR = (
    "bench", "capacity", "clairvoyant", "model", "policies", "run", "workload",
)  # fmt: skip
CODE = [
    *GOVERNOR_CODE,
    *(ROOT / "models" / "simulator" / f"governor_{name}.py" for name in SIMULATOR),
    ROOT / "bench" / "governor.py",
]
TOP = "static-1980"
FEWER_SEEDS = REPORTED_SEEDS[:5]
"""For the many runs of the sensitivity."""

Constants = TypeVar("Constants", StepModel, PowerModel, ShareModel, Instance, MiadRule, GovernorSettings)
Scores = dict[tuple[str, Load], list[GovernorScores]]


@dataclass(frozen=True)
class Variation:
    """One constant changed: what serves, and the governor."""

    constant: str
    factor: float
    instance: Instance
    settings: GovernorSettings
    capacity_rps: float


def power_cell(power_model: str) -> dict[str, Any]:
    """All policies under one power model."""
    instance = instance_with(power_model)
    names = policies(clocks_of(instance))
    scored = scored_by(
        [GovernorRun(name, load, seed, instance) for name in names for load in Load for seed in REPORTED_SEEDS]
    )
    rows = [_row(name, load, scored) for load in Load for name in names]
    return {
        "floor_mhz": clocks_of(instance).floor_mhz,
        "seeds": [REPORTED_SEEDS[0], REPORTED_SEEDS[-1]],
        "mean_over_loads": {name: mean_energy(name, scored) for name in names},
        "miad_against_static_of_equal_violations": {load.value: _best_static(load, scored) for load in Load},
        "miad_behind_clairvoyant_points": round(
            mean_energy("miad", scored)["percent"] - mean_energy(CLAIRVOYANT, scored)["percent"], 2
        ),
        "rows": rows,
    }


def sensitivity_cell() -> dict[str, Any]:
    """MIAD against the highest clock with one constant changed at a time."""
    found = []
    for each in variations():
        runs = [
            GovernorRun(name, load, seed, each.instance, each.capacity_rps, each.settings)
            for name in (TOP, "miad") for load in Load for seed in FEWER_SEEDS
        ]  # fmt: skip
        scored = scored_by(runs)
        found.append(
            {
                "constant": each.constant,
                "factor": each.factor,
                "capacity_rps": round(each.capacity_rps, 1),
                "floor_mhz": clocks_of(each.instance).floor_mhz,
                **mean_energy("miad", scored),
                "more_ttft_points": {load.value: round(more("ttft_violation", load, scored), 3) for load in Load},
                "more_tbt_points": {load.value: round(more("tbt_violation", load, scored), 3) for load in Load},
            }
        )
    return {"seeds": [FEWER_SEEDS[0], FEWER_SEEDS[-1]], "rows": found}


def floor_cell() -> dict[str, Any]:
    """What a floor that is wrong costs: the clocks of least energy of all power models, under each of them."""
    floors = {name: clocks_of(instance_with(name)).floor_mhz for name in VARIANTS} | {"840": 840}
    found = []
    for name in VARIANTS:
        for told, floor_mhz in floors.items():
            instance = instance_with(name)
            runs = [
                GovernorRun(policy, load, seed, instance, floor_mhz=floor_mhz)
                for policy in (TOP, "miad") for load in Load for seed in FEWER_SEEDS
            ]  # fmt: skip
            scored = scored_by(runs)
            beyond = {load.value: round(more("ttft_violation", load, scored), 3) for load in Load}
            found.append(
                {"power_model": name, "floor_of": told, "floor_mhz": floor_mhz, **mean_energy("miad", scored)}
                | {"more_ttft_points": beyond, "tbt_percent": worst_tbt(scored)}
            )
    return {"seeds": [FEWER_SEEDS[0], FEWER_SEEDS[-1]], "rows": found}


def variations() -> Iterator[Variation]:
    """As it is, and each constant 30 % lower and higher; capacity is searched anew where it depends on it."""
    whole, governor = Instance(), GovernorSettings()
    yield Variation("none", 1.0, whole, governor, CAPACITY_RPS)
    for factor in (0.7, 1.3):
        for name in _numbers(whole.step, leave="top_clock_mhz"):
            instance = replace(whole, step=_scaled(whole.step, name, factor))
            yield Variation(f"step.{name}", factor, instance, governor, capacity_rps(instance, 1980))
        for name in _numbers(whole.power, leave="top_clock_mhz"):
            yield Variation(
                f"power.{name}",
                factor,
                replace(whole, power=_scaled(whole.power, name, factor)),
                governor,
                CAPACITY_RPS,
            )
        for name in _numbers(whole.shares):
            yield Variation(
                f"shares.{name}",
                factor,
                replace(whole, shares=_scaled(whole.shares, name, factor)),
                governor,
                CAPACITY_RPS,
            )
        for name in ("places", "chunk_tokens", "ttft_s", "tbt_s"):
            instance = _scaled(whole, name, factor)
            yield Variation(f"instance.{name}", factor, instance, governor, capacity_rps(instance, 1980))
        yield Variation("load.capacity", factor, whole, governor, CAPACITY_RPS * factor)
        for name in ("gamma", "delta_mhz", "headroom", "dead_band"):
            if not (name == "headroom" and factor > 1):  # 1.04: no headroom
                settings = replace(governor, rule=_scaled(governor.rule, name, factor))
                yield Variation(f"rule.{name}", factor, whole, settings, CAPACITY_RPS)
        for name in ("window_s", "queue_weight", "tbt_weight", "tbt_memory_s", "dwell_ticks"):
            if not (name == "tbt_weight" and factor > 1):  # 1.1: more than all
                yield Variation(f"governor.{name}", factor, whole, _scaled(governor, name, factor), CAPACITY_RPS)


def _numbers(model: StepModel | PowerModel | ShareModel, leave: str = "") -> list[str]:
    return [each.name for each in fields(model) if each.name not in (leave, "source")]


def _scaled(constants: Constants, name: str, factor: float) -> Constants:
    value = getattr(constants, name)
    changes: dict[str, Any] = {name: round(value * factor) if isinstance(value, int) else value * factor}
    return replace(constants, **changes)


def scored_by(runs: Sequence[GovernorRun]) -> Scores:
    """Scores of the runs by policy and load, in the order of the seeds."""
    found: Scores = {}
    for run, scores in zip(runs, done_by_all(run_one, runs), strict=True):
        found.setdefault((run.policy, run.load), []).append(scores)
    return found


def _row(name: str, load: Load, scored: Scores) -> dict[str, Any]:
    scores, top = scored[name, load], scored[TOP, load]
    energy = paired([100 * a.energy_j / b.energy_j for a, b in zip(scores, top, strict=True)], [100.0] * len(top))
    beyond = paired([100 * each.ttft_violation for each in scores], [100 * each.ttft_violation for each in top])
    return {
        "policy": name,
        "load": load.value,
        "energy_kj": round(fmean(each.energy_j for each in scores) / 1000, 2),
        "energy_percent": {"mean": round(energy.mean, 2), "half_width": round(energy.half_width, 2)},
        "ttft_percent": round(100 * fmean(each.ttft_violation for each in scores), 3),
        "more_ttft_points": {"mean": round(beyond.mean, 3), "half_width": round(beyond.half_width, 3)},
        "tbt_percent": round(100 * fmean(each.tbt_violation for each in scores), 3),
        "changes_per_min": round(fmean(each.changes_per_min for each in scores), 1),
        "recovery_ticks": max(each.recovery_ticks for each in scores),
    }


def mean_energy(name: str, scored: Scores) -> dict[str, float]:
    """Energy against the highest clock in percent, mean over the loads; half the width of the interval over seeds."""
    shares = [
        [100 * (a.energy_j / b.energy_j - 1) for a, b in zip(scored[name, load], scored[TOP, load], strict=True)]
        for load in Load
    ]
    by_seed = [fmean(each) for each in zip(*shares, strict=True)]
    found = paired(by_seed, [0.0] * len(by_seed))
    return {"percent": round(found.mean, 2), "half_width": round(found.half_width, 2)}


def _best_static(load: Load, scored: Scores) -> dict[str, Any]:
    """The static clock of least energy among those with no more violations than MIAD, and MIAD against it."""
    ours = scored["miad", load]

    def violations(scores: Sequence[GovernorScores]) -> float:
        return fmean(each.ttft_violation for each in scores) + fmean(each.tbt_violation for each in scores)

    static = {name: scores for (name, of), scores in scored.items() if of is load and name.startswith(STATIC)}
    equal = {name: scores for name, scores in static.items() if violations(scores) <= violations(ours)} or {
        TOP: static[TOP]
    }
    best = min(equal, key=lambda name: fmean(each.energy_j for each in equal[name]))
    found = paired([100 * a.energy_j / b.energy_j for a, b in zip(ours, equal[best], strict=True)], [100.0] * len(ours))
    return {
        "static": best,
        "static_ttft_percent": round(100 * fmean(each.ttft_violation for each in equal[best]), 3),
        "miad_ttft_percent": round(100 * fmean(each.ttft_violation for each in ours), 3),
        "miad_energy_percent": {"mean": round(found.mean, 2), "half_width": round(found.half_width, 2)},
    }


def more(field: str, load: Load, scored: Scores) -> float:
    """How much more of a share of violations MIAD has than the highest clock, points."""
    pairs = zip(scored["miad", load], scored[TOP, load], strict=True)
    return 100 * fmean(getattr(ours, field) - getattr(top, field) for ours, top in pairs)


def worst_tbt(scored: Scores) -> float:
    """MIAD's share of late tokens where it is largest, percent."""
    return round(100 * max(fmean(each.tbt_violation for each in scored["miad", load]) for load in Load), 3)


CELLS: dict[str, Callable[[], dict[str, Any]]] = {
    **{f"governor_{name}": partial(power_cell, name) for name in VARIANTS},
    "governor_sensitivity": sensitivity_cell,
    "governor_floor": floor_cell,
}


def run(name: str) -> None:
    """Run and record a cell, unless it is recorded as it would be now."""
    if is_current(name, [], CODE):
        sys.stdout.write(f"{name}: unchanged\n")
        return
    results: dict[str, Any] = {
        "basis": "simulated: times and watts are assumed, not measured",
        "capacity_rps": CAPACITY_RPS,
        "capacity_search_seeds": [SEARCH_SEEDS[0], SEARCH_SEEDS[-1]],
    }
    wall_s = seconds(lambda: results.update(CELLS[name]()))
    results["wall_s"] = round(wall_s, 1)
    path = record(name, command=f"python -m bench.governor {name}", inputs=[], code=CODE, results=results)
    sys.stdout.write(f"{name}: {path.relative_to(ROOT)}, {wall_s:.0f} s\n")
    sys.stdout.flush()


def main(names: Sequence[str]) -> None:
    """Run the named cells, all by default."""
    for name in CELLS:
        if not names or name in names:
            run(name)


if __name__ == "__main__":
    main(sys.argv[1:])
