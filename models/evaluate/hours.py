"""The hours that policies are run over: a committed list of when, on which grids, with which traffic."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from freesh_plugin.core.errors import ScenarioError

HOUR_S = 3_600.0
LOCATIONS = ("loc1", "loc2", "loc3")
"""Places of an hour's zones, in order; origins have the same names: users near that place."""

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC)
"""Of an hour's start: series of years about it are told in nanoseconds since 1970, of which 64 bits last to 2262."""

ROW_S = 600
"""Rows of an hour's demand; hours start where one does, for rows are on a grid counted from midnight."""


class HourKind(StrEnum):
    """What an hour is chosen for."""

    LOW_SPREAD = "low-spread"
    """The three grids emit about the same."""
    HIGH_SPREAD = "high-spread"
    """One grid emits much less than another."""
    RESIDENCY_LOCKED = "residency-locked"
    """Requests may be served at home only, whatever the grids emit."""
    BURSTS = "bursts"
    """Recorded arrivals, for what happens inside an hour."""
    DEMO = "demo"
    """Synthetic throughout."""
    OWN = "own"
    """An operator's own requests or grids."""


class Role(StrEnum):
    """What an hour is used for."""

    TUNE = "tune"
    """Settings of policies are chosen on it; it is never reported."""
    REPORT = "report"


@dataclass(frozen=True)
class Hour:
    """One hour.

    Attributes:
        name: Its name.
        kind: What it is chosen for.
        role: What it is used for.
        start: Its start, aware UTC.
        zones: Grid of each of `LOCATIONS`.
        carbon_data: `dacf`, `zones` (sets of public data) or `synthetic`.
        traffic: `m-mid` or `m-small` (ServeGen's rates), `azure` (the traces of 2023) or `synthetic`.
        traffic_start_s: Where in the trace it starts, seconds.
        rate_rps: Mean rate over the hour that the trace is scaled to.
        seed: Of what is random in its requests.
        spread: Mean over the hour of (dirtiest - cleanest) / mean of the three grids.
    """

    name: str
    kind: HourKind
    role: Role
    start: datetime
    zones: tuple[str, ...]
    carbon_data: str
    traffic: str
    traffic_start_s: float
    rate_rps: float
    seed: int
    spread: float | None = None

    @property
    def allowed(self) -> Mapping[str, tuple[str, ...] | None]:
        """Location to the origins that it may serve (None = all): its own alone where requests are locked."""
        locked = self.kind is HourKind.RESIDENCY_LOCKED
        return {name: (name,) if locked else None for name in LOCATIONS}


def demo_hour() -> Hour:
    """An hour for which nothing need be downloaded: synthetic requests, carbon and history."""
    start = datetime(2026, 3, 3, 14, tzinfo=UTC)
    zones = ("SYN-HYDRO", "SYN-WIND", "SYN-SOLAR")
    return Hour("demo", HourKind.DEMO, Role.REPORT, start, zones, "synthetic", "synthetic", 0.0, 5.0, 0)


def read_hours(path: Path) -> tuple[Hour, ...]:
    """The list, in its order; lines that begin with # are comments.

    Raises:
        ScenarioError: the file is missing or no such text, a column is missing or unknown, a value is none, a name
            stands twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        rows = csv.DictReader((line for line in lines if not line.startswith("#")), strict=True)
        missing = set(_COLUMNS) ^ set(rows.fieldnames or ())
        if missing:
            wrong = sorted(missing)[0]
            raise ScenarioError(f"{path}: column {wrong!r} is missing or unknown; it has {','.join(_COLUMNS)}")
        hours = tuple(_hour(path, row) for row in rows)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: not UTF-8 text at byte {error.start}") from error
    except csv.Error as error:
        raise ScenarioError(f"{path}: not CSV: {error}") from error
    names = [each.name for each in hours]
    for name in names:
        if names.count(name) > 1:
            raise ScenarioError(f"{path}: hour {name!r} stands twice")
    return hours


_COLUMNS = (
    "hour", "kind", "role", "start", "zones", "spread", "carbon_data", "traffic", "traffic_start_s", "rate_rps", "seed",
)  # fmt: skip
_CARBON = ("dacf", "zones", "synthetic")
_TRAFFIC = ("m-mid", "m-small", "azure", "synthetic")


def _hour(path: Path, row: Mapping[str, str]) -> Hour:
    try:
        return _parsed(row)
    except (ValueError, TypeError) as error:
        raise ScenarioError(f"{path}, hour {row['hour']!r}: {error}") from error


def _parsed(row: Mapping[str, str]) -> Hour:
    if None in (*row, *row.values()):
        raise ValueError(f"more or fewer cells than the {len(_COLUMNS)} of the header")
    name = row["hour"]
    if not name or Path(name).name != name:
        raise ValueError("its name must be one that a file can have, for its runs are kept under it")
    start = _start(row["start"])
    first, second, third = row["zones"].split()
    for column, known in (("carbon_data", _CARBON), ("traffic", _TRAFFIC)):
        if row[column] not in known:
            raise ValueError(f"{column} {row[column]!r} is none of {', '.join(known)}")
    rate_rps, seed = float(row["rate_rps"]), int(row["seed"])
    if not 0 < rate_rps < math.inf:
        raise ValueError(f"rate_rps {rate_rps:g} must be above 0")
    if seed < 0:
        raise ValueError(f"seed {seed} must be at least 0")
    return Hour(
        name, HourKind(row["kind"]), Role(row["role"]), start, (first, second, third), row["carbon_data"],
        row["traffic"], float(row["traffic_start_s"]), rate_rps, seed, float(row["spread"]) if row["spread"] else None,
    )  # fmt: skip


def _start(text: str) -> datetime:
    start = datetime.fromisoformat(text)
    if start.tzinfo is None:
        raise ValueError(f"start {text!r} has no time zone, such as 2021-03-04T12:00Z")
    if not EARLIEST <= start <= LATEST:
        raise ValueError(f"start {text}, must be from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}")
    if start.timestamp() % ROW_S:
        raise ValueError(f"start {text}, must be at whole {ROW_S // 60} minutes, as 12:00 or 12:10")
    return start.astimezone(UTC)
