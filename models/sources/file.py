"""Carbon, prices and traffic from a file of rows, CSV or parquet, with the columns of a reading."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from freesh_plugin.core.errors import ScenarioError, SourceError
from freesh_plugin.core.request import CellGrid, parse_cell_label
from models.domain.scenario import ANY_ORIGIN, DEFAULT, CarbonSignal
from models.sources.cells import WHOLE
from models.sources.ports import AS_A_FILE, YEAR, Fetched, Publishing
from models.sources.rows import (
    CARBON,
    DEMAND,
    PLAUSIBLE_CARBON,
    PLAUSIBLE_DEMAND,
    PLAUSIBLE_PRICE,
    PRICE,
    checked,
    hide_after,
    interval_of,
    utc,
    within,
)
from models.sources.scenario.spot import nearest

MAX_FILE_BYTES = 256 * 1024 * 1024
"""Largest file that is read, bytes."""

CARBON_FILE = replace(AS_A_FILE, history=YEAR)
PRICES = Publishing(lag=timedelta(), max_age=timedelta())
TRAFFIC = Publishing(lag=timedelta(), max_age=timedelta(minutes=30))

_CELLS = ("prompt_cell", "answer_cell")
_LABELS = {"model": DEFAULT, "origin": ANY_ORIGIN, "tier": DEFAULT}


@dataclass(frozen=True)
class FileCarbon:
    """Implements `CarbonSource`: columns time, zone, carbon_gco2e_per_kwh and any `forecast_*`; naive times are UTC."""

    path: Path
    signal: CarbonSignal | None = None
    publishing: Publishing = CARBON_FILE
    own_forecast: str | None = None

    @property
    def name(self) -> str:
        """The file."""
        return f"file {self.path.name}"

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """See `CarbonSource`.

        Raises:
            SourceError: the file cannot be read, lacks a column or a zone, or holds too many faulty rows.
        """
        table = _of_zones(_read(self.path, ("time", "zone", CARBON)), zones, self.name)
        keep = ["time", "zone", CARBON, *(each for each in table.columns if str(each).startswith("forecast_"))]
        interval = interval_of(table["time"])
        fetched = checked(within(table[keep], start, end), ("zone", "time"), PLAUSIBLE_CARBON, self.name)
        return Fetched(hide_after(fetched.rows, CARBON, cut_off, interval), fetched.note)


@dataclass(frozen=True)
class FilePrices:
    """Implements `PriceSource`: columns time, zone, price_usd_per_mwh; a tariff or day-ahead prices, known ahead."""

    path: Path
    publishing: Publishing = PRICES

    @property
    def name(self) -> str:
        """The file."""
        return f"file {self.path.name}"

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """See `PriceSource`; every row counts as published before the cut-off.

        Raises:
            SourceError: the file cannot be read, lacks a column or a zone, or holds too many faulty rows.
        """
        del cut_off
        table = _of_zones(_read(self.path, ("time", "zone", PRICE)), zones, self.name)[["time", "zone", PRICE]]
        return checked(within(table, start, end), ("zone", "time"), PLAUSIBLE_PRICE, self.name)


@dataclass(frozen=True)
class FileTraffic:
    """Implements `TrafficSource`: columns time, demand_rps [, prompt_cell, answer_cell, model, origin, tier]."""

    path: Path
    publishing: Publishing = TRAFFIC

    @property
    def name(self) -> str:
        """The file."""
        return f"file {self.path.name}"

    def fetch(self, cells: CellGrid, start: datetime, end: datetime) -> Fetched:
        """See `TrafficSource`; the cells are those of the file. A file without cells gives totals.

        Raises:
            SourceError: the file cannot be read, lacks a column, names no cells, or holds too many faulty rows.
        """
        del cells
        table = _read(self.path, ("time", DEMAND))
        if not any(cell in table.columns for cell in _CELLS):
            table = table.assign(**dict.fromkeys(_CELLS, WHOLE))
        _require(self.path, table, _CELLS)
        for column, default in _LABELS.items():
            given = table[column] if column in table.columns else pd.Series(default, index=table.index)
            table[column] = given.fillna(default).astype(str)
        for label in pd.unique(table[list(_CELLS)].astype(str).to_numpy().ravel()):
            _check_cell(self.name, label)
        interval = interval_of(table["time"])
        key = (*_LABELS, *_CELLS, "time")
        table = within(table[[*key, DEMAND]], start, end - interval + pd.Timedelta(1, "us"))
        fetched = checked(table, key, PLAUSIBLE_DEMAND, self.name)
        return Fetched(fetched.rows.dropna(subset=[DEMAND], ignore_index=True), fetched.note)


def _read(path: Path, required: Sequence[str]) -> pd.DataFrame:
    """The file's table, its times as aware UTC."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise SourceError(f"{path}: {size} bytes, limit {MAX_FILE_BYTES} bytes")
        with path.open("rb") as opened:
            parquet = opened.read(4) == b"PAR1"
        table = pd.read_parquet(path) if parquet else pd.read_csv(path)
    except (OSError, ValueError, NotImplementedError) as error:  # what pandas and arrow raise derives from these
        raise SourceError(f"{path}: no readable CSV or parquet table: {str(error).splitlines()[0]}") from error
    _require(path, table, required)
    return table.assign(time=utc(table["time"]))


def _require(path: Path, table: pd.DataFrame, required: Sequence[str]) -> None:
    for column in required:
        if column not in table.columns:
            hint = nearest(column, [str(each) for each in table.columns])
            raise SourceError(f"{path}: column {column!r} is missing{hint}")


def _of_zones(table: pd.DataFrame, zones: Sequence[str], name: str) -> pd.DataFrame:
    """Rows of the zones, each of which must be there."""
    table = table.assign(zone=table["zone"].astype(str))
    known = sorted(table["zone"].unique())
    for zone in zones:
        if zone not in known:
            raise SourceError(f"{name}: no zone {zone!r}{nearest(zone, known)}")
    return table[table["zone"].isin(list(zones))]


def _check_cell(name: str, label: str) -> None:
    try:
        parse_cell_label(label)
    except ScenarioError as error:
        raise SourceError(f"{name}: {error}") from error
