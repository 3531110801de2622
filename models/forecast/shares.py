"""Shares of classes in a total: forecast apart from it where only totals are measured, and the product of the two."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ForecastError
from models.domain.forecast import QuantileForecast
from models.forecast.grid import step_of, utc_index
from models.forecast.request import utc

PRIOR = 0.5
"""Requests that each class is taken to have had in a mean row beside those counted: one not seen yet is rare, not
impossible."""

HALF_LIVES_S = (86_400.0, 7 * 86_400.0, 21_600.0, 10_800.0, 3_600.0)
"""Half-lives of counts that are tried; of equal ones the first is taken."""

LEAD_S = 1_800.0
"""Rows are told from what had been counted so long before they began, seconds: about a slot and its lead."""

MIN_TOLD = 8
"""Fewer told rows than this choose nothing and doubt nothing."""

ERROR_HALF_LIFE_S = 2 * 86_400.0
"""A told row so much older counts half in the doubt, seconds."""

_DRAWS = 4_001
"""Draws of shares that quantiles are taken from; seeded, so that equal inputs give equal quantiles."""


@dataclass(frozen=True)
class Shares:
    """Shares of a total, as a Dirichlet distribution of what a row of as many requests as of late will show.

    Attributes:
        names: The classes, or cells.
        alpha: Shape (class,), above 0: in proportion to the shares; the larger, the more certain.
        assumed: They were not measured lately, so they are assumed to hold still.
        note: Where they come from, in a sentence.
    """

    names: tuple[str, ...]
    alpha: np.ndarray
    assumed: bool
    note: str

    @property
    def mean(self) -> np.ndarray:
        """Expected shares, shape (class,), sum 1."""
        expected: np.ndarray = self.alpha / self.alpha.sum()
        return expected

    def quantiles(self, levels: Sequence[float]) -> np.ndarray:
        """Quantiles of each share, shape (level, class)."""
        told: np.ndarray = np.quantile(self._draws(), levels, axis=0)
        return told

    def _draws(self) -> np.ndarray:
        """Seeded draws, shape (draw, class)."""
        return np.random.default_rng(0).dirichlet(self.alpha, _DRAWS)


def forecast_shares(
    counts: pd.DataFrame,
    *,
    issued_at: datetime,
    half_life_s: float | None = None,
    measured_within_s: float = 3_600.0,
    classes: Mapping[str, Sequence[Hashable]] | None = None,
) -> Shares:
    """Shares of classes from counts of requests, newer ones weighing more.

    How far the shares of past rows lay from what would have been said LEAD_S before, beyond chance, lowers what the
    counts weigh: a million requests of last week do not make next hour's shares certain.

    Args:
        counts: Requests counted by cell (columns) in each row, indexed by its start (naive = UTC); a row with a missing
            value is left out, rows of one time are added; a single row is a length sample. A row that had not ended at
            the issue is not read.
        issued_at: Moment of the issue, aware.
        half_life_s: A row so much older than the newest counts half, seconds; None = whichever of HALF_LIVES_S would
            have told past rows best.
        measured_within_s: The shares are assumed unless a row is at most so old, seconds.
        classes: Cells of each class, by its name; None = each cell its own class.

    Raises:
        ForecastError: nothing counted before the issue, a negative count, a class with a cell that is no column, or a
            cell that is not in exactly one class.
    """
    issued = utc(issued_at)
    frame = _known(counts, issued)
    summed = frame if classes is None else _summed(frame, classes)
    age_s = np.asarray((issued - pd.DatetimeIndex(frame.index)).total_seconds(), dtype=float)
    values = summed.to_numpy(dtype=float)
    half_lives = HALF_LIVES_S if half_life_s is None else (half_life_s,)
    alpha = min((_dirichlet(summed, age_s, each) for each in half_lives), key=lambda each: each[0])[1]
    newest_s, assumed = float(age_s.min()), bool(age_s.min() > measured_within_s)
    told = f"shares from {int(values.sum())} requests in {len(values)} rows, the newest {newest_s / 60:.0f} min old"
    names = tuple(str(name) for name in summed.columns)
    return Shares(names, alpha, assumed, f"assumed: {told}" if assumed else told)


def forecast_by_shares(total: QuantileForecast, shares: Shares) -> dict[str, QuantileForecast]:
    """The total divided by shares; total and shares vary apart from each other.

    Means are products of means, so they sum to the total's. Quantiles are of the product, not products of quantiles.
    """
    draws = shares._draws()
    demand = _between(total, draws.shape[0])
    label = "assumed" if shares.assumed else "measured"
    note = "; ".join(each for each in (shares.note, total.note) if each)
    return {
        name: replace(
            total,
            series=f"{total.series} {name}",
            mean=total.mean * shares.mean[k],
            quantiles=np.quantile(demand * draws[:, k, None], total.levels, axis=0),
            model=f"{total.model} x shares",
            note=note,
            labels={**total.labels, "shares": label},
        )
        for k, name in enumerate(shares.names)
    }


def _known(counts: pd.DataFrame, issued: pd.Timestamp) -> pd.DataFrame:
    """The whole rows from before the issue."""
    frame = counts.set_axis(utc_index(counts.index)).astype(float)
    row = pd.Timedelta(seconds=step_of(pd.DatetimeIndex(frame.index.unique().sort_values()), lone_step_s=0))
    frame = frame[frame.index <= issued - row].dropna().groupby(level=0).sum()
    values = frame.to_numpy()
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ForecastError(f"counts of cells: the least is {np.nanmin(values):g}, each must be at least 0 and finite")
    if not values.sum() > 0:
        raise ForecastError(f"counts of cells: no request was counted before {issued:%Y-%m-%dT%H:%MZ}")
    return frame


def _summed(frame: pd.DataFrame, classes: Mapping[str, Sequence[Hashable]]) -> pd.DataFrame:
    """Counts of each class; every cell is in one."""
    placed = [cell for cells in classes.values() for cell in cells]
    stray = [cell for cell in frame.columns if placed.count(cell) != 1]
    if stray:
        raise ForecastError(f"cell {stray[0]} is in {placed.count(stray[0])} of {len(classes)} classes, must be in one")
    for name, cells in classes.items():
        absent = [cell for cell in cells if cell not in frame.columns]
        if absent:
            raise ForecastError(f"class {name}: cell {absent[0]} is not among the {len(frame.columns)} counted")
    return pd.DataFrame({name: frame[list(cells)].sum(axis=1) for name, cells in classes.items()})


def _dirichlet(frame: pd.DataFrame, age_s: np.ndarray, half_life_s: float) -> tuple[float, np.ndarray]:
    """How far past rows lay from what was said before them, over chance, and the parameters that follow.

    A share s of a row of n requests varies by s(1 - s)/n by chance; past rows tell how many times as much it does.
    """
    values = frame.to_numpy(dtype=float)
    times = pd.DatetimeIndex(frame.index).tz_localize(None).to_numpy()
    faded = frame.ewm(halflife=pd.Timedelta(seconds=half_life_s), times=times).mean().to_numpy() + PRIOR
    said = faded / faded.sum(axis=1, keepdims=True)
    stray, requests = _stray(values, said, age_s)
    counted = float((0.5 ** ((age_s - age_s.min()) / half_life_s)) @ values.sum(axis=1))
    worth = counted if requests == 0 else requests / max(1.0, stray)
    return stray, said[-1] * max(1.0, worth)


def _stray(values: np.ndarray, said: np.ndarray, age_s: np.ndarray) -> tuple[float, float]:
    """Variance of rows about what was said LEAD_S before, over that by chance, and requests of a row (0 without)."""
    before = np.searchsorted(-age_s, -age_s - LEAD_S, side="right") - 1  # newest row that old when this one began
    sizes = values.sum(axis=1)
    told = np.flatnonzero((before >= 0) & (sizes > 0))
    if len(told) < MIN_TOLD:
        return 1.0, 0.0
    weights = 0.5 ** (age_s[told] / ERROR_HALF_LIFE_S)
    expected = sizes[told, None] * said[before[told]]
    squares = ((values[told] - expected) ** 2 / expected).sum(axis=1) / max(1, values.shape[1] - 1)
    return float(np.average(squares, weights=weights)), float(np.average(sizes[told], weights=weights))


def _between(total: QuantileForecast, draws: int) -> np.ndarray:
    """Draws of the total at evenly spread probabilities in a seeded order, shape (draw, interval).

    Between forecast levels it is interpolated; beyond the outermost ones it stays at them.
    """
    order = np.random.default_rng(1).permutation(draws)
    probability = (order + 0.5) / draws
    columns = [np.interp(probability, total.levels, total.quantiles[:, k]) for k in range(total.quantiles.shape[1])]
    return np.stack(columns, axis=1)
