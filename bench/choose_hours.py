"""Chooses the hours of hours.csv, once, by a seed, before any policy was run on them; kept so that anyone can check.

Rules. Spread = mean over the hour of (dirtiest - cleanest) / mean of three grids' average direct intensity: low is
below LOW, high above HIGH; residency-locked hours take any. Trios are drawn from one set of public data, in random
order of places, without zones that are estimated throughout. Half of the hours of a kind are DACF's (for which marginal
intensity can be estimated), half of the hourly zones. Reported hours of a kind begin in the eight different three-hour
parts of the first place's day, one in four on a weekend, half from April to September. At least five months of carbon
lie before each. Traffic: ServeGen's m-mid and m-small in turn, at the same local time of day, from day 7 on, so that
seven days of history lie before; hours in which, or in the hour before which, the trace has a hole are not taken. One
more hour holds Azure's recorded arrivals, at their own date.

Rates (`rate_rps`) are not drawn; they are set for the fleet that is evaluated.

Usage: FREESH_DATA=FOLDER python -m bench.choose_hours > bench/hours.csv
"""

import csv
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from models.evaluate.hour_origins import UTC_OFFSET_H
from models.evaluate.hour_traffic import SERVEGEN
from models.evaluate.public_grids import DACF, ZONES
from models.sources.workload.rate_trace import RateTrace
from models.sources.workload.servegen import total_rates

SEED = 20_260_301
LOW, HIGH = 0.35, 1.0
RATE_RPS = 8.0
AZURE_RATE_RPS = 8.02
KINDS = ("low-spread", "high-spread", "residency-locked")
SPANS = {"dacf": ("2020-06-01", "2021-06-28"), "zones": ("2021-06-01", "2023-12-29")}
AZURE_ZONES = ("US-CAL-CISO", "US-MIDA-PJM", "US-TEX-ERCO")
AZURE_START = datetime(2023, 11, 16, 18, tzinfo=UTC)
"""The trace begins at 18:15:46; the grids' hour is that of its first request."""


@dataclass(frozen=True)
class Slot:
    """What an hour has to be, before it is drawn."""

    name: str
    kind: str
    role: str
    carbon_data: str
    traffic: str
    part_of_day: int
    weekend: bool
    summer: bool
    seed: int


def slots(random: np.random.Generator) -> Iterator[Slot]:
    """Eight reported and two tuning hours of each kind."""
    for which, kind in enumerate(KINDS):
        parts = [*random.permutation(8), *random.choice(8, 2, replace=False)]
        for index, part in enumerate(parts):
            role = "report" if index < 8 else "tune"
            yield Slot(
                f"{kind}-{role}-{index % 8 + 1}", kind, role, ("dacf", "zones")[index % 2],
                ("m-mid", "m-small")[(index // 2 + which) % 2], int(part), index % 4 == which % 4,
                index // 2 % 2 == 0, 1_000 * (which + 1) + index,
            )  # fmt: skip


def carbon_tables(data: Path) -> dict[str, pd.DataFrame]:
    """Average direct intensity by hour and zone."""
    dacf, zones = pd.read_parquet(data / DACF), pd.read_parquet(data / ZONES)
    direct = next(name for name in zones.columns if name.endswith("(direct)"))
    measured = zones.groupby("Zone Id")["Data Estimated"].mean()
    zones = zones[zones["Zone Id"].isin(measured[measured < 1].index)]
    return {
        "dacf": dacf.pivot(index="UTC time", columns="zone", values="carbon_intensity"),
        "zones": zones.pivot(index="Datetime (UTC)", columns="Zone Id", values=direct),
    }


def spread(table: pd.DataFrame, zones: tuple[str, ...], start: pd.Timestamp) -> float:
    """(Dirtiest - cleanest) / mean; rows are hourly, so the mean over the hour is that of one row."""
    row = table.loc[start, list(zones)].to_numpy(dtype=float)
    return float((row.max() - row.min()) / row.mean())


def draw(slot: Slot, table: pd.DataFrame, trace: RateTrace, random: np.random.Generator) -> dict[str, object]:
    """Draws until the hour is what the slot asks for."""
    first, last = (pd.Timestamp(each) for each in SPANS[slot.carbon_data])
    while True:
        zones = tuple(map(str, random.permutation(sorted(table.columns))[:3]))
        offset = timedelta(hours=UTC_OFFSET_H[zones[0]])
        day = first + pd.Timedelta(days=int(random.integers((last - first).days)))
        local = day + pd.Timedelta(hours=3 * slot.part_of_day + int(random.integers(3)))
        start, traffic_s = local - offset, float(random.integers(7, 14) * 86_400 + local.hour * 3_600)
        found = spread(table, zones, start)
        if (
            (local.isoweekday() >= 6) == slot.weekend
            and (4 <= local.month <= 9) == slot.summer
            and _wide_enough(slot.kind, found)
            and not trace.holes(traffic_s - 3_600, traffic_s + 3_600)
        ):
            return row(slot, zones, start.tz_localize("UTC").to_pydatetime(), found, traffic_s)


def row(slot: Slot, zones: tuple[str, ...], start: datetime, found: float, traffic_s: float) -> dict[str, object]:
    """A line of the list."""
    return {
        "hour": slot.name, "kind": slot.kind, "role": slot.role, "start": f"{start:%Y-%m-%dT%H:%MZ}",
        "zones": " ".join(zones), "spread": f"{found:.3f}", "carbon_data": slot.carbon_data, "traffic": slot.traffic,
        "traffic_start_s": f"{traffic_s:.0f}", "rate_rps": RATE_RPS, "seed": slot.seed,
    }  # fmt: skip


def azure_row(table: pd.DataFrame) -> dict[str, object]:
    """Azure's hour."""
    found = spread(table, AZURE_ZONES, pd.Timestamp(AZURE_START).tz_localize(None))
    slot = Slot("bursts-report-1", "bursts", "report", "zones", "azure", 0, False, False, 4_000)
    return row(slot, AZURE_ZONES, AZURE_START, found, 0.0) | {"rate_rps": AZURE_RATE_RPS}


def _wide_enough(kind: str, found: float) -> bool:
    return {"low-spread": found < LOW, "high-spread": found > HIGH}.get(kind, True)


def main() -> None:
    """Writes the list."""
    if not (folder := os.environ.get("FREESH_DATA")):
        raise SystemExit("FREESH_DATA is not set: it names the folder of the public data sets")
    data, random = Path(folder), np.random.default_rng(SEED)
    tables = carbon_tables(data)
    traces = {name: total_rates(data / SERVEGEN, name) for name in ("m-mid", "m-small")}
    rows = [draw(slot, tables[slot.carbon_data], traces[slot.traffic], random) for slot in slots(random)]
    rows.append(azure_row(tables["zones"]))
    sys.stdout.write(f"# Chosen by bench/choose_hours.py with seed {SEED}; low spread < {LOW}, high > {HIGH}.\n")
    sys.stdout.write("# Hours of role `tune` are for tuning and are never reported.\n")
    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


if __name__ == "__main__":
    main()
