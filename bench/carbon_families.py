"""Compares families of models for the next six hours of carbon: each alone, and blends of them, by walk-forward.

Four zones by the hour, six hours issued every three, a fortnight in each of two months of 2022. Each family is fitted
once before the issues that choose the weights and once before the fortnight. Nothing of 2023 is looked at: that is the
year the model is measured on.

Usage: FREESH_DATA=FOLDER python -m bench.carbon_families
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.carbon_candidates import AutoRegression, Smoothing, Trees
from bench.carbon_mix import best_mix
from bench.on_hourly_zones import measure
from bench.record import ROOT
from models.forecast.blend import best_pair, blend, choose_by_group
from models.forecast.carbon_recipe import INTRADAY
from models.forecast.family import Family, Fitted, Lesson
from models.forecast.freesh import Freesh
from models.forecast.grid import Grid
from models.forecast.issues import Issues
from models.forecast.table import carbon_grids

STARTS = ("2022-03-14", "2022-09-12")
DAYS = 14
ZONES = ("AU-VIC", "DE", "GB", "US-CAL-CISO")
DAYS_LEARNT = 365
EVERY, HOURS = 3, 6
SIMPLE = ("persistence", "seasonal_naive", "last_value")
FAMILIES = ("history", "day_ahead", "boosted", "extra_trees", "autoreg", "smoothing")
SERVED = ("history", "day_ahead")
CODE = [
    ROOT / "models" / "forecast",
    ROOT / "bench" / "carbon_candidates.py",
    ROOT / "bench" / "carbon_mix.py",
    ROOT / "bench" / "carbon_families.py",
]


@dataclass
class Timed:
    """A family that says how long its fits took."""

    family: Family
    seconds: list[float] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """Its candidates."""
        return self.family.names

    def fit(self, lesson: Lesson) -> Fitted:
        """Fits, and notes the time."""
        start = time.perf_counter()
        fitted = self.family.fit(lesson)
        self.seconds.append(time.perf_counter() - start)
        return fitted


@dataclass(frozen=True)
class Trial:
    """What candidates said before (to choose by) and after (to be scored), and what happened.

    Attributes:
        names: Names of the candidates.
        before: Shape (candidate, issue, target), of the tried issues.
        before_actual: Shape (issue, target).
        after: Shape (candidate, issue, target), of the fortnight.
        after_actual: Shape (issue, target).
        groups: Shape (target,): which targets share weights.
    """

    names: tuple[str, ...]
    before: np.ndarray
    before_actual: np.ndarray
    after: np.ndarray
    after_actual: np.ndarray
    groups: np.ndarray

    def mape(self, used: tuple[str, ...], choose: Callable[..., np.ndarray]) -> float:
        """MAPE of a blend of some candidates, percent."""
        rows = [i for i, name in enumerate(self.names) if name in used]
        cost = 1 / np.maximum(np.abs(self.before_actual), 1e-9)
        weights = choose_by_group(choose, self.before[rows], self.before_actual, cost, self.groups)
        said = blend(self.after[rows], weights)
        return float(100 * np.nanmean(np.abs(said / self.after_actual - 1)))


def even(candidates: np.ndarray, actual: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Equal weights."""
    return np.full(len(candidates), 1 / len(candidates))


def trial(grid: Grid, start: str, timed: dict[str, Timed]) -> Trial:
    """Every candidate fitted at the start, and walked over the fortnight after it."""
    kept: list[tuple[np.ndarray, np.ndarray]] = []

    def keep(candidates: np.ndarray, actual: np.ndarray, cost: np.ndarray) -> np.ndarray:
        kept.append((candidates, actual))
        return even(candidates, actual, cost)

    more = tuple((lambda each=each: each) for each in timed.values())
    model = Freesh(
        replace(
            INTRADAY,
            families=(*INTRADAY.families, *more),
            choose=keep,
            lead_groups_s=(),
            train_days=DAYS_LEARNT,
            folds=1,
        )
    )
    first = grid.row_at(pd.Timestamp(start, tz="UTC"))
    issues = Issues(first + np.arange(0, 24 * DAYS, EVERY), 1, 0, 1, HOURS)
    model.fit(grid, issues, first)
    said = model.candidates(grid, issues, model.recipe.inputs(grid, issues))
    groups = issues.lead_groups(grid, INTRADAY.lead_groups_s)
    return Trial(tuple(model.shares()), *kept[0], said, issues.actuals(grid), groups)


def blends() -> dict[str, tuple[tuple[str, ...], Callable[..., np.ndarray]]]:
    """What is compared: each candidate alone, then blends, with how their weights are chosen."""
    alone = {name: ((name,), even) for name in (*FAMILIES, *SIMPLE)}
    chosen: dict[str, tuple[tuple[str, ...], Callable[..., np.ndarray]]] = {
        "served: the best pair of history, day_ahead and the simple": ((*SERVED, *SIMPLE), best_pair),
        "a mix of them": ((*SERVED, *SIMPLE), best_mix),
        "history and day_ahead, even": (SERVED, even),
        "without day_ahead": (("history", *SIMPLE), best_pair),
        "without history": (("day_ahead", *SIMPLE), best_pair),
        "a mix of all": ((*FAMILIES, *SIMPLE), best_mix),
        "the best pair of all": ((*FAMILIES, *SIMPLE), best_pair),
    }
    for name in FAMILIES[2:]:
        chosen[f"best pair with {name}"] = ((*SERVED, name, *SIMPLE), best_pair)
    return {**alone, **chosen}


def run(table: Path) -> dict[str, Any]:
    """Mean over zones and fortnights of each blend's MAPE, and the seconds of a fit."""
    timed = {
        "boosted": Timed(Trees(("boosted",))),
        "extra_trees": Timed(Trees(("extra_trees",))),
        "autoreg": Timed(AutoRegression()),
        "smoothing": Timed(Smoothing()),
    }
    rows = []
    for grid in (each for each in carbon_grids(table) if each.series in ZONES):
        for start in STARTS:
            tried = trial(grid, start, timed)
            scores = {name: tried.mape(*how) for name, how in blends().items()}
            rows.append({"zone": grid.series, "from": start} | {name: round(mape, 3) for name, mape in scores.items()})
            sys.stdout.write(
                f"{grid.series} {start} served {scores[next(n for n in scores if n[:6] == 'served')]:.2f} %\n"
            )
            sys.stdout.flush()
    names = list(blends())
    return {
        "mean_mape_percent": {name: round(float(np.mean([row[name] for row in rows])), 3) for name in names},
        "median_fit_s": {name: round(float(np.median(each.seconds)), 3) for name, each in timed.items()},
        "rows": rows,
    }


if __name__ == "__main__":
    measure("carbon_families", run, CODE)
