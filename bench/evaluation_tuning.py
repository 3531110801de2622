"""Settings of the compared policies, chosen on hours that are not reported: each family gets as many trials.

A trial is chosen that has the least carbon (energy, of policies that know none) among those whose attainment is within
`EQUAL_POINTS` of the reference's in every hour, with no more requests lost; where none is, the one that comes nearest.
FREESH, and FREESH without classes, have to come within `OWN_POINTS`: other hours are not those that were tuned on.
Chosen settings, and every trial, are written to `models/data/evaluation/tuned.json`, which the policies read.

Usage: python -m bench.evaluation_tuning [autoscalers] ; with `autoscalers`, theirs alone: the rest stays as it is.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.record import ROOT
from models.allocation import SolveWorker
from models.commands.evaluated_hours import GAP, LIMIT_S
from models.commands.planning import planning
from models.evaluate.cell import cell_of, simulate_cell
from models.evaluate.hour_data import hour_data
from models.evaluate.hours import Role, read_hours
from models.evaluate.outlook import Forecasts
from models.evaluate.paired import EQUAL_POINTS
from models.evaluate.policies import POLICIES
from models.evaluate.tuned import TUNED, Tuned, read_trials, read_tuned, write_tuned
from models.forecast.carbon import forecast_carbon
from models.forecast.demand import forecast_demand
from models.simulator.run_scores import RunScores

HOURS = ("low-spread-tune-1", "high-spread-tune-1", "residency-locked-tune-1")
CLOCKS_MHZ = ((810, 990), (900, 990), (1005, 1110), (1125, 1410))
UTILISATIONS = (0.45, 0.6, 0.7, 0.8)
MARGINS = (1.2, 1.3, 1.45, 1.6)
HEADROOMS = (0.8, 0.7, 0.6, 0.5)
"""Of the clocks of the policy like DynamoLLM's, one with each margin."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "rightsized_min_energy": ("rightsized_min_energy",),
    "one_mixed_pool": ("one_mixed_pool",),
    "dynamollm_like": ("dynamollm_like",),
    "freesh": (
        "freesh", "freesh_perfect", "freesh_constant_carbon", "carbon_agnostic_freesh", "previous_plan_held"
    ),
}  # fmt: skip
"""Who plans with the margin of whom: FREESH, and FREESH but for what it knows, with the same."""

OWN_POINTS = 0.05
"""Of FREESH's own attainment, percentage points below the reference's."""

OWN = frozenset({"freesh", "one_mixed_pool"})
ENERGY_ONLY = frozenset({"best_static_clock", "reactive_autoscaler", "rightsized_min_energy", "dynamollm_like"})


@dataclass(frozen=True)
class Trial:
    """A policy with settings."""

    policy: str
    value: str
    tuned: Tuned


def clock_trials(tuned: Tuned) -> list[Trial]:
    """The best static clock."""
    return [
        Trial("best_static_clock", f"A100 {a}, H100 {h} MHz", replace(tuned, clocks_mhz={"A100": a, "H100": h}))
        for a, h in CLOCKS_MHZ
    ]


def scaler_trials(tuned: Tuned) -> list[Trial]:
    """When autoscalers scale."""
    trials = []
    for policy, family in (("reactive_autoscaler", "reactive"), ("cleanest_autoscaler", "cleanest")):
        for value in UTILISATIONS:
            thresholds = replace(getattr(tuned, family), utilisation=value)
            trials.append(Trial(policy, f"utilisation {value}", replace(tuned, **{family: thresholds})))
    return trials


def margin_trials(tuned: Tuned) -> list[Trial]:
    """What plans keep capacity for."""
    trials = []
    for policy, members in FAMILIES.items():
        for value, headroom in zip(MARGINS, HEADROOMS, strict=True):
            changed = replace(tuned, margins={**tuned.margins, **dict.fromkeys(members, value)})
            if policy == "dynamollm_like":
                changed = replace(changed, headroom=headroom)
            trials.append(Trial(policy, f"margin {value}", changed))
    return trials


def run_hour(job: tuple[str, Sequence[Trial]]) -> list[RunScores]:
    """The trials of one policy over one hour."""
    name, trials = job
    hour = next(each for each in read_hours(ROOT / "bench" / "hours.csv") if each.name == name)
    if hour.role is not Role.TUNE:
        raise ValueError(f"{name} is reported: nothing may be chosen on it")
    data = hour_data(hour, Path(os.environ["FREESH_DATA"]))
    found = []
    with SolveWorker() as worker:
        cell = cell_of(data, Forecasts(forecast_carbon, forecast_demand), planning(worker, GAP, LIMIT_S))
        for trial in trials:
            run = simulate_cell(replace(cell, tuned=trial.tuned), POLICIES[trial.policy])
            found.append(run.scores(policy=trial.policy, hour=name, scenario=hour.kind.value, seed=hour.seed))
            sys.stdout.write(f"{name}: {trial.policy}, {trial.value}\n")
            sys.stdout.flush()
    return found


def run_all(trials: Sequence[Trial]) -> list[list[RunScores]]:
    """Scores of each trial over the hours."""
    parts = [list(each) for _, each in groupby(trials, key=lambda trial: trial.policy)]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        by_job = list(pool.map(run_hour, [(name, part) for part in parts for name in HOURS]))
    rows: list[list[RunScores]] = []
    for first in range(0, len(by_job), len(HOURS)):
        rows += [list(each) for each in zip(*by_job[first : first + len(HOURS)], strict=True)]
    return rows


def behind(runs: Iterable[RunScores], reference: Iterable[RunScores]) -> float:
    """Attainment below the reference's in the hour where it is furthest below, percentage points."""
    return max(100 * (r.slo_attainment - e.slo_attainment) for e, r in zip(runs, reference, strict=True))


def lost(runs: Iterable[RunScores]) -> int:
    """Requests refused or shed."""
    return sum(each.refused + each.shed for each in runs)


def cost(policy: str, runs: Iterable[RunScores]) -> float:
    """What the policy is to keep low."""
    return sum(each.energy_kwh if policy in ENERGY_ONLY else each.carbon_kg or 0.0 for each in runs)


def best(policy: str, trials: Sequence[Trial], runs: Sequence[list[RunScores]], reference: list[RunScores]) -> Tuned:
    """Settings of the best trial of a policy."""
    own = [(trial, of) for trial, of in zip(trials, runs, strict=True) if trial.policy == policy]
    points = OWN_POINTS if policy in OWN else EQUAL_POINTS
    equal = [e for e in own if behind(e[1], reference) <= points and lost(e[1]) <= lost(reference)]
    if not equal:
        return min(own, key=lambda e: (lost(e[1]), round(behind(e[1], reference), 3), cost(policy, e[1])))[0].tuned
    return min(equal, key=lambda each: cost(policy, each[1]))[0].tuned


def row(trial: Trial, runs: Sequence[RunScores]) -> dict[str, Any]:
    """A trial as it is written down."""
    return {
        "policy": trial.policy,
        "trial": trial.value,
        "attainment_percent": [round(100 * each.slo_attainment, 3) for each in runs],
        "lost": lost(runs),
        "energy_kwh": round(sum(each.energy_kwh for each in runs), 3),
        "carbon_kg": round(sum(each.carbon_kg or 0.0 for each in runs), 3),
    }


def main(arguments: Sequence[str]) -> None:
    """Choose and write."""
    os.nice(10)
    if arguments == ["autoscalers"]:
        tune_autoscalers()
    elif arguments:
        raise SystemExit(f"{arguments}: nothing, or autoscalers")
    else:
        tune_all()


def tune_autoscalers() -> None:
    """Choose the autoscalers' settings again; others, and their trials, stay."""
    (of_reference,) = run_all([Trial("reference", "", Tuned())])
    chosen, rows = with_autoscalers(read_tuned(), of_reference)
    again = {each["policy"] for each in rows}
    kept = [each for each in read_trials() if each["policy"] not in again]
    write_tuned(TUNED, chosen, [*kept, *rows], list(HOURS))
    sys.stdout.write(f"{TUNED.relative_to(ROOT)}\n")


def with_autoscalers(known: Tuned, reference: list[RunScores]) -> tuple[Tuned, list[dict[str, Any]]]:
    """Settings with those of the autoscalers chosen, which go by the static clocks of the others; and their trials."""
    trials = scaler_trials(known)
    scaled = run_all(trials)
    chosen = replace(
        known,
        reactive=best("reactive_autoscaler", trials, scaled, reference).reactive,
        cleanest=best("cleanest_autoscaler", trials, scaled, reference).cleanest,
    )
    return chosen, [row(*each) for each in zip(trials, scaled, strict=True)]


def tune_all() -> None:
    """Choose everything."""
    start = Tuned()
    reference = Trial("reference", "", start)
    first = [reference, *clock_trials(start), *margin_trials(start)]
    runs = run_all(first)
    pick: Callable[[str], Tuned] = lambda policy: best(policy, first, runs, runs[0])  # noqa: E731
    margins = {
        name: pick(policy).margins[policy] for policy, members in FAMILIES.items() for name in members
    }  # fmt: skip
    chosen = replace(
        start,
        clocks_mhz=pick("best_static_clock").clocks_mhz,
        margins=margins,
        headroom=pick("dynamollm_like").headroom,
    )
    chosen, scaled = with_autoscalers(chosen, runs[0])
    write_tuned(TUNED, chosen, [*(row(*each) for each in zip(first, runs, strict=True)), *scaled], list(HOURS))
    sys.stdout.write(f"{TUNED.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
