"""Grids of the public data sets as series: average carbon with what is known ahead, marginal estimates, prices."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from freesh_plugin.core.errors import SourceError
from models.forecast.grid import Grid, to_grid
from models.forecast.marginal import marginal_intensity
from models.sources.rows import CARBON, PLAUSIBLE_CARBON, PLAUSIBLE_PRICE, PRICE, Plausible, checked

DACF = "carbon/dacf_5grids_2020_2021H1.parquet"
ZONES = "carbon/hourly_zones_2021_2023.parquet"
PRICES = "prices/hourly_22zones_2021_2023.parquet"

HISTORY = timedelta(days=400)
AFTER = timedelta(days=2)
"""Of a series, so much before and after a moment is taken."""

PRICE_ZONES: Mapping[str, str] = {
    "CISO": "US-CAL-CISO", "PJM": "US-MIDA-PJM", "ERCO": "US-TEX-ERCO", "DE": "DE-LU", "CL-SEN": "CL-SIC",
}  # fmt: skip
"""Zone of the price where it has another name than the grid; a grid whose zone has no price is not priced."""

_DACF_TIME, _DACF_CARBON = "UTC time", "carbon_intensity"
_GENERATION = ("coal", "nat_gas", "nuclear", "oil", "hydro", "solar", "wind", "other", "unknown")
_ZONE_NAMES = {
    "Datetime (UTC)": "time", "Zone Id": "zone", "Carbon Intensity gCO₂eq/kWh (direct)": CARBON,
}  # fmt: skip
_PRICE_NAMES = {"Datetime (UTC)": "time", "zone": "zone", "Price (USD/MWh)": PRICE}


@dataclass(frozen=True)
class Carbon:
    """Carbon of some grids, g/kWh, direct.

    Attributes:
        average: Zone to average intensity, attributed, with what is known ahead as exogenous columns.
        marginal: Zone to estimated marginal intensity; a zone for which it cannot be estimated is absent.
    """

    average: Mapping[str, Grid]
    marginal: Mapping[str, Grid]


def dacf_carbon(folder: Path, zones: Collection[str], around: datetime) -> Carbon:
    """Of DACF's five grids, of which generation by source is known.

    Raises:
        SourceError: the table is missing or has not all of the zones.
    """
    frame = _zones_of(folder / DACF, zones, "zone")
    ahead = {name: name for name in map(str, frame.columns) if name.startswith("forecast_")}
    ahead |= {str(n): f"forecast_{n}" for n in frame.columns if str(n).endswith("_production_forecast")}
    generation = frame[list(_GENERATION)].sum(axis=1)
    rows = frame.rename(columns={_DACF_TIME: "time", _DACF_CARBON: CARBON} | ahead).assign(generation=generation)
    average, marginal = {}, {}
    for zone, own in _around(rows, around).groupby("zone"):
        name = str(zone)
        average[name] = _series(own, name, PLAUSIBLE_CARBON, tuple(ahead.values()))
        made = own.set_index("time")["generation"].reindex(_times(average[name]))
        marginal[name] = marginal_intensity(average[name], made.to_numpy(dtype=float))
    return Carbon(average, marginal)


def zones_carbon(folder: Path, zones: Collection[str], around: datetime) -> Carbon:
    """Of the twelve hourly zones; no marginal, for generation is not in the table.

    Raises:
        SourceError: the table is missing or has not all of the zones.
    """
    frame = _zones_of(folder / ZONES, zones, "Zone Id").rename(columns=_ZONE_NAMES)
    rows = _around(frame[list(_ZONE_NAMES.values())], around)
    return Carbon({str(zone): _series(own, str(zone), PLAUSIBLE_CARBON) for zone, own in rows.groupby("zone")}, {})


def day_ahead_prices(folder: Path, zones: Collection[str], around: datetime) -> dict[str, Grid]:
    """Zone to price in USD/MWh, of the zones and times that the table has.

    Raises:
        SourceError: the table is missing.
    """
    priced = {PRICE_ZONES.get(zone, zone): zone for zone in zones}
    frame = _table(folder / PRICES).rename(columns=_PRICE_NAMES)
    frame = frame[frame["zone"].isin(list(priced))]
    rows = _around(frame.assign(time=pd.to_datetime(frame["time"], utc=True, format="ISO8601")), around)
    found = {priced[str(zone)]: _series(own, str(zone), PLAUSIBLE_PRICE) for zone, own in rows.groupby("zone")}
    return {zone: grid for zone, grid in found.items() if 0 <= grid.row_at(around) < grid.rows}


def _zones_of(path: Path, zones: Collection[str], column: str) -> pd.DataFrame:
    frame = _table(path)
    frame = frame[frame[column].isin(list(zones))]
    missing = sorted(set(zones) - set(frame[column].unique()))
    if missing:
        raise SourceError(f"{path}: no zone {missing[0]!r}")
    return frame


def _table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise SourceError(f"{path}: no such file; FREESH_DATA names the folder of the public data sets")
    return pd.read_parquet(path)


def _around(rows: pd.DataFrame, moment: datetime) -> pd.DataFrame:
    time = rows["time"]
    if time.dt.tz is None:
        rows = rows.assign(time=time.dt.tz_localize("UTC"))
    within = (rows["time"] >= pd.Timestamp(moment - HISTORY)) & (rows["time"] < pd.Timestamp(moment + AFTER))
    return rows[within]


def _series(rows: pd.DataFrame, name: str, value: Plausible, ahead: tuple[str, ...] = ()) -> Grid:
    """One series of a zone's rows, whose values are plausible or missing."""
    # What is known ahead has units of its own, so only the value is held against its limits.
    good = checked(rows[["time", value.column]], ("time",), value, name).rows.set_index("time")
    frame = good.rename(columns={value.column: "value"}).join(rows.set_index("time")[list(ahead)])
    return to_grid(frame, name, ahead)


def _times(grid: Grid) -> pd.DatetimeIndex:
    return pd.date_range(grid.start, periods=grid.rows, freq=pd.Timedelta(seconds=grid.step_s))
