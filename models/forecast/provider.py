"""The forecasts a provider gave, as they were known at each past issue: a candidate that must first earn its place."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ForecastError
from models.forecast.baselines import Baseline
from models.forecast.grid import Grid
from models.forecast.issues import Issues

COLUMNS = ("issued_at", "time", "carbon_gco2e_per_kwh")
NAME = "provider"

MIN_ISSUES = 24
"""A provider is tried when it told at least half of the targets of so many past issues."""


@dataclass(frozen=True)
class ProviderIssue:
    """One forecast of a provider: starts of its intervals in seconds since 1970, ascending, values and step."""

    starts_s: np.ndarray
    values: np.ndarray
    step_s: int

    def over(self, starts_s: np.ndarray, step_s: int) -> np.ndarray:
        """Its value over intervals: the mean of its rows in each, or the row that holds it; NaN outside."""
        first = np.searchsorted(self.starts_s, starts_s, side="left")
        last = np.searchsorted(self.starts_s, starts_s + step_s, side="left")
        sums = np.concatenate([[0.0], np.cumsum(self.values)])
        within = np.divide(sums[last] - sums[first], last - first, out=np.full(len(first), np.nan), where=last > first)
        before = np.searchsorted(self.starts_s, starts_s, side="right") - 1
        holder = np.maximum(before, 0)
        holds = (before >= 0) & (starts_s < self.starts_s[holder] + self.step_s)
        return np.where(last > first, within, np.where(holds, self.values[holder], np.nan))


@dataclass(frozen=True)
class Provided:
    """What a provider forecast, by moment of issue (seconds since 1970, ascending)."""

    issued_s: np.ndarray
    issues: tuple[ProviderIssue, ...]

    def baseline(self, delay_s: float) -> Baseline:
        """The newest issue known at each of our issues, which are `delay_s` after the end of the last known row."""

        def rule(grid: Grid, issues: Issues) -> np.ndarray:
            start_s = grid.start.timestamp()
            moments = start_s + issues.origins * grid.step_s + delay_s
            newest = np.searchsorted(self.issued_s, moments, side="right") - 1
            rows = issues.first_rows[..., None] + np.arange(issues.width)
            said = np.full(rows.shape[:2], np.nan)
            for i in np.flatnonzero(newest >= 0):
                told = self.issues[newest[i]].over(start_s + rows[i].ravel() * grid.step_s, grid.step_s)
                said[i] = told.reshape(rows.shape[1:]).mean(axis=-1)
            return said

        return Baseline(NAME, rule)


def provided(rows: pd.DataFrame, issued: pd.Timestamp) -> Provided:
    """The provider's forecasts that were issued at or before a moment.

    Args:
        rows: `issued_at`, `time` (start of the interval), both aware, and `carbon_gco2e_per_kwh`; of rows that share
            both moments the last counts; an empty value is left out.
        issued: Moment of our issue.

    Raises:
        ForecastError: a column is missing or holds naive moments or text.
    """
    missing = [name for name in COLUMNS if name not in rows]
    if missing:
        raise ForecastError(f"provider forecast: column '{missing[0]}' is missing, needed are {', '.join(COLUMNS)}")
    for name in COLUMNS[:2]:
        if not isinstance(rows[name].dtype, pd.DatetimeTZDtype):
            raise ForecastError(f"provider forecast: column '{name}' holds {rows[name].dtype}, must be aware moments")
    value = pd.to_numeric(rows[COLUMNS[2]], errors="coerce")
    known = rows[np.isfinite(value).to_numpy() & (rows["issued_at"] <= issued).to_numpy()]
    known = known.drop_duplicates(["issued_at", "time"], keep="last").sort_values(["issued_at", "time"])
    groups = [(_seconds(pd.DatetimeIndex([at]))[0], _issue(part)) for at, part in known.groupby("issued_at")]
    return Provided(np.array([at for at, _ in groups]), tuple(issue for _, issue in groups))


def proven(baseline: Baseline, grid: Grid, past: Issues) -> int:
    """Of how many past issues it told at least half of the targets."""
    if not len(past.origins):
        return 0
    return int((np.isfinite(baseline.rule(grid, past)).mean(axis=1) >= 0.5).sum())


def _issue(rows: pd.DataFrame) -> ProviderIssue:
    """One issue; a lone row lasts an hour."""
    starts = _seconds(pd.DatetimeIndex(rows["time"]))
    step_s = int(np.median(np.diff(starts))) if len(starts) > 1 else 3_600
    return ProviderIssue(starts, rows[COLUMNS[2]].to_numpy(dtype=float), step_s)


def _seconds(moments: pd.DatetimeIndex) -> np.ndarray:
    """Seconds since 1970."""
    seconds: np.ndarray = moments.as_unit("ns").asi8 / 1e9
    return seconds
