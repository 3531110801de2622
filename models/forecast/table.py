"""Reads a table of past rows, CSV or parquet, into one regular grid per series, or says in a sentence why not."""

import difflib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from freesh_plugin.core.errors import ForecastError
from models.forecast.grid import Grid, to_grid

EXOGENOUS_PREFIX = "forecast_"
CARBON_COLUMN = "carbon_gco2e_per_kwh"
DEMAND_COLUMN = "demand_rps"


def carbon_grids(path: Path) -> list[Grid]:
    """The zones of a table of `time, zone, carbon_gco2e_per_kwh[, forecast_*]`, by name.

    Raises:
        ForecastError: the file is missing, empty, of another kind, or lacks a column.
    """
    frame = _read(path)
    _require(path, frame, ("time", "zone", CARBON_COLUMN))
    if frame["zone"].isna().any():
        raise ForecastError(f"{path}: column 'zone' is empty in row {_first(frame['zone'].isna())}")
    return list(_grids(path, frame, CARBON_COLUMN, frame["zone"].astype(str)))


def demand_grids(path: Path) -> list[Grid]:
    """The series of a table of `time, demand_rps[, series][, forecast_*]`, by name.

    Raises:
        ForecastError: the file is missing, empty, of another kind, lacks a column, or holds a negative demand.
    """
    frame = _read(path)
    _require(path, frame, ("time", DEMAND_COLUMN))
    names = frame["series"] if "series" in frame else pd.Series("demand", index=frame.index)
    grids = list(_grids(path, frame, DEMAND_COLUMN, names.fillna("demand").astype(str)))
    negative = pd.to_numeric(frame[DEMAND_COLUMN], errors="coerce") < 0
    if negative.any():
        raise ForecastError(f"{path}: column '{DEMAND_COLUMN}' is negative in row {_first(negative)}, at least 0 req/s")
    return grids


def _read(path: Path) -> pd.DataFrame:
    """The table of a file whose first bytes say parquet, or else CSV."""
    if not path.is_file():
        raise ForecastError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise ForecastError(f"{path}: the file is empty")
    try:
        with path.open("rb") as opened:
            parquet = opened.read(4) == b"PAR1"
        frame = pd.read_parquet(path) if parquet else pd.read_csv(path)
    except (ValueError, OSError, NotImplementedError) as error:  # pandas' and arrow's own errors derive from these
        reason = str(error).splitlines()[0]
        raise ForecastError(f"{path}: neither a CSV nor a parquet table ({reason})") from error
    if isinstance(frame.index, pd.DatetimeIndex) and "time" not in frame:
        frame = frame.rename_axis("time").reset_index()
    if frame.empty:
        raise ForecastError(f"{path}: the table has no rows")
    return frame.reset_index(drop=True)


def _require(path: Path, frame: pd.DataFrame, names: tuple[str, ...]) -> None:
    """Every named column is there."""
    have = [str(name) for name in frame.columns]
    for name in names:
        if name not in have:
            near = difflib.get_close_matches(name, have, n=1, cutoff=0.5)
            hint = f"nearest is '{near[0]}'" if near else f"it has {', '.join(have[:6])}"
            raise ForecastError(f"{path}: column '{name}' is missing, {hint}")


def _grids(path: Path, frame: pd.DataFrame, column: str, names: pd.Series) -> Iterator[Grid]:
    """One grid a series, by name; only `forecast_*` columns are known ahead, every other is ignored."""
    exogenous = [str(name) for name in frame.columns if str(name).startswith(EXOGENOUS_PREFIX)]
    rows = pd.DataFrame({"value": _numbers(path, frame, column)})
    for name in exogenous:
        rows[name] = _numbers(path, frame, name)
    rows.index = _times(path, frame["time"])
    for series in sorted(names.unique()):
        yield to_grid(rows[(names == series).to_numpy()], series, exogenous)


def _numbers(path: Path, frame: pd.DataFrame, column: str) -> "pd.Series[float]":
    """A column as numbers, empty = missing."""
    numbers = pd.to_numeric(frame[column], errors="coerce").astype(float)
    text = numbers.isna() & frame[column].notna()
    if text.any():
        row = _first(text)
        raise ForecastError(f"{path}: column '{column}' is '{frame[column].iloc[row - 1]}' in row {row}, not a number")
    return numbers


def _times(path: Path, column: pd.Series) -> pd.DatetimeIndex:
    """A column as aware UTC moments; naive ones are UTC."""
    if pd.api.types.is_numeric_dtype(column) and column.notna().any():
        raise ForecastError(f"{path}: column 'time' holds numbers, not dates such as 2023-05-01T00:00Z")
    times = pd.to_datetime(column, utc=True, errors="coerce", format=_format(column))
    if times.isna().any():
        row = _first(times.isna())
        raise ForecastError(f"{path}: column 'time' is '{column.iloc[row - 1]}' in row {row}, not a date")
    return pd.DatetimeIndex(times)


def _format(column: pd.Series) -> str | None:
    """ISO 8601 in any of its forms for text; nothing to say for what already is a date."""
    return None if pd.api.types.is_datetime64_any_dtype(column) else "ISO8601"


def _first(flags: "pd.Series[bool]") -> int:
    """The number of the first flagged row, counted from 1."""
    return int(flags.to_numpy().argmax()) + 1
