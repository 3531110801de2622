"""A series on a regular grid of rows in UTC: what is missing stays missing, what was mended is said."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ForecastError

DAY_S = 86_400


@dataclass(frozen=True)
class Grid:
    """One series on a regular grid.

    Attributes:
        series: Name of the series.
        start: Start of row 0, aware UTC, a multiple of the step since 1970.
        step_s: Length of a row, seconds; a divisor of a day.
        values: Shape (row,), in the unit of the series; NaN = missing.
        exogenous: Shape (row, column): what is known ahead at issue time; NaN = missing.
        columns: Names of the exogenous columns.
        notes: What was found wrong with the rows, a sentence each.
    """

    series: str
    start: pd.Timestamp
    step_s: int
    values: np.ndarray
    exogenous: np.ndarray
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.values)

    @property
    def day(self) -> int:
        """Rows of a day."""
        return DAY_S // self.step_s

    def row_at(self, moment: datetime) -> int:
        """The row that holds a moment; negative before the grid."""
        return int((pd.Timestamp(moment) - self.start) // pd.Timedelta(seconds=self.step_s))

    def time_of(self, row: int) -> pd.Timestamp:
        """Start of a row."""
        return self.start + pd.Timedelta(seconds=self.step_s * row)

    def coarser(self, step_s: int) -> "Grid":
        """The grid in longer rows: the mean of each row that is wholly known, missing otherwise.

        Raises:
            ForecastError: the step is not a multiple of the grid's.
        """
        if step_s == self.step_s:
            return self
        if step_s % self.step_s:
            raise ForecastError(f"series {self.series}: rows of {self.step_s} s do not make rows of {step_s} s")
        per = step_s // self.step_s
        start = self.start.floor(pd.Timedelta(seconds=step_s))
        before = int((self.start - start) // pd.Timedelta(seconds=self.step_s))
        after = -(before + self.rows) % per
        values = np.pad(self.values, (before, after), constant_values=np.nan).reshape(-1, per).mean(axis=1)
        known = np.pad(self.exogenous, ((before, after), (0, 0)), constant_values=np.nan)
        exogenous = known.reshape(len(values), per, len(self.columns)).mean(axis=1)
        return replace(self, start=start, step_s=step_s, values=values, exogenous=exogenous)


def utc_index(index: pd.Index) -> pd.DatetimeIndex:
    """An index of moments as aware UTC; naive moments are UTC.

    Raises:
        ForecastError: the index holds no moments.
    """
    if not isinstance(index, pd.DatetimeIndex):
        raise ForecastError(f"history must be indexed by time, got {type(index).__name__}")
    return index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")


def merge_duplicates(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """One row per moment, in order of time; equal rows merge, rows that contradict each other become missing."""
    twice = rows.index.duplicated(keep=False)
    if not twice.any():
        return rows.sort_index(), []
    groups = rows[twice].groupby(level=0)
    agreed = groups.first().where(groups.nunique() <= 1)
    contrary = int((groups.nunique() > 1).any(axis=1).sum())
    note = f"{int(twice.sum())} rows share a time with another ({contrary} times contradict and count as missing)"
    return pd.concat([rows[~twice], agreed]).sort_index(), [note]


def step_of(index: pd.DatetimeIndex, lone_step_s: int = 3_600) -> int:
    """The commonest distance between neighbours, seconds; `lone_step_s` when there is but one row."""
    if len(index) < 2:
        return lone_step_s
    distances = np.diff(index.as_unit("s").asi8)
    steps, counts = np.unique(distances, return_counts=True)
    return int(steps[np.argmax(counts)])


def to_grid(rows: pd.DataFrame, series: str, columns: Sequence[str] = (), lone_step_s: int = 3_600) -> Grid:
    """Puts rows on a regular grid.

    Args:
        rows: Indexed by time (start of each row): `value`, and the exogenous columns.
        series: Name of the series, for messages.
        columns: The exogenous columns to keep; one that is empty for this series is dropped.
        lone_step_s: Length of a row where there is but one, seconds.

    Raises:
        ForecastError: no row holds a value, or most rows lie on no regular grid.
    """
    kept = [name for name in columns if rows[name].notna().any()]
    frame = rows[["value", *kept]].set_axis(utc_index(rows.index)).astype(float)
    if not frame["value"].notna().any():
        raise ForecastError(f"series {series}: no row holds a value")
    frame, notes = merge_duplicates(frame.replace([np.inf, -np.inf], np.nan))
    frame, step_s, dropped = _on_grid(frame, series, lone_step_s)
    index = pd.DatetimeIndex(frame.index)
    full = pd.date_range(index[0], index[-1], freq=pd.Timedelta(seconds=step_s))
    frame = frame.reindex(full)
    valued = frame["value"].loc[: frame["value"].last_valid_index()]
    missing = int(valued.isna().sum())
    if dropped:
        notes.append(f"{dropped} rows off the {step_s} s grid are ignored")
    if missing:
        notes.append(f"{missing} of {len(valued)} rows of {step_s} s are missing")
    return Grid(
        series=series,
        start=full[0],
        step_s=step_s,
        values=frame["value"].to_numpy(dtype=float),
        exogenous=frame[kept].to_numpy(dtype=float),
        columns=tuple(kept),
        notes=tuple(notes),
    )


def _on_grid(frame: pd.DataFrame, series: str, lone_step_s: int) -> tuple[pd.DataFrame, int, int]:
    """The rows that lie on the commonest grid, its step in seconds and how many rows do not."""
    index = pd.DatetimeIndex(frame.index)
    step_s = step_of(index, lone_step_s)
    if DAY_S % step_s:
        raise ForecastError(f"series {series}: rows every {step_s} s do not divide a day of {DAY_S} s")
    on_grid = index.as_unit("s").asi8 % step_s == 0
    on_grid &= index == index.floor("s")
    if on_grid.mean() < 0.5:
        raise ForecastError(
            f"series {series}: times are irregular, {int((~on_grid).sum())} of {len(index)} rows lie off the "
            f"{step_s} s grid, at most half may"
        )
    return frame[on_grid], step_s, int((~on_grid).sum())
