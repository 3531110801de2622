"""The check's own tables: readings, power at rest, a model's start; written a row at a time, whatever comes after."""

import csv
from collections.abc import Mapping
from pathlib import Path

from profiling.gpu_check.watched import Stretch


def append(path: Path, row: Mapping[str, object]) -> None:
    """Write a row, and the header before the first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, row, lineterminator="\n")
        if file.tell() == 0:
            table.writeheader()
        table.writerow({name: "" if value is None else value for name, value in row.items()})


def stretch_cells(stretch: Stretch) -> dict[str, object]:
    """A stretch as cells."""
    return {
        "seconds": round(stretch.seconds, 3),
        "energy_j": None if stretch.energy_j is None else round(stretch.energy_j, 1),
        "power_w": None if stretch.power_w is None else round(stretch.power_w, 2),
        "sm_clock_mhz": None if stretch.sm_clock_mhz is None else round(stretch.sm_clock_mhz, 1),
        "least_mhz": stretch.least_mhz,
        "most_mhz": stretch.most_mhz,
        "reasons": " ".join(each.name or "" for each in stretch.reasons),
    }
