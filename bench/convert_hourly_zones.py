"""Turns the hourly carbon of twelve zones into the columns `python -m models backtest carbon` reads.

Rules: `Datetime (UTC)` becomes `time` (start of the hour, UTC), `Zone Id` becomes `zone`, and the direct intensity
becomes `carbon_gco2e_per_kwh`. The life-cycle intensity, the shares and the estimated flag are left out: they are not
known ahead. No row is added, dropped or changed.

Usage: python -m bench.convert_hourly_zones SOURCE.parquet TABLE.parquet
"""

import sys
from pathlib import Path

import pandas as pd

SOURCE = "carbon/hourly_zones_2021_2023.parquet"
"""Where the source lies in the folder of the public data sets."""

_NAMES = {
    "Datetime (UTC)": "time",
    "Zone Id": "zone",
    "Carbon Intensity gCO₂eq/kWh (direct)": "carbon_gco2e_per_kwh",
}


def convert(source: Path, table: Path) -> None:
    """Writes the table."""
    pd.read_parquet(source, columns=list(_NAMES)).rename(columns=_NAMES).to_parquet(table, index=False)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
