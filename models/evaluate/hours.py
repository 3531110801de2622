"""The hours that policies are run over: a committed list of when, on which grids, with which traffic."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from freesh_plugin.core.errors import ScenarioError

HOUR_S = 3_600.0
LOCATIONS = ("loc1", "loc2", "loc3")
"""Places of an hour's zones, in order; origins have the same names: users near that place."""


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
        ScenarioError: the file is missing, a column is missing or unknown, a value is none, a name stands twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    missing = set(_COLUMNS) ^ set(rows.fieldnames or ())
    if missing:
        raise ScenarioError(f"{path}: column {sorted(missing)[0]!r} is missing or unknown; it has {','.join(_COLUMNS)}")
    hours = tuple(_hour(path, row) for row in rows)
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
    start = datetime.fromisoformat(row["start"])
    if start.tzinfo is None:
        raise ValueError(f"start {row['start']!r} has no time zone, such as 2021-03-04T12:00Z")
    first, second, third = row["zones"].split()
    for name, known in (("carbon_data", _CARBON), ("traffic", _TRAFFIC)):
        if row[name] not in known:
            raise ValueError(f"{name} {row[name]!r} is none of {', '.join(known)}")
    rate_rps = float(row["rate_rps"])
    if not rate_rps > 0:
        raise ValueError(f"rate_rps {rate_rps:g} must be above 0")
    return Hour(
        row["hour"], HourKind(row["kind"]), Role(row["role"]), start.astimezone(UTC), (first, second, third),
        row["carbon_data"], row["traffic"], float(row["traffic_start_s"]), rate_rps, int(row["seed"]),
        float(row["spread"]) if row["spread"] else None,
    )  # fmt: skip
