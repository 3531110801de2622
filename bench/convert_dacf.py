"""Turns five US grids with day-ahead forecasts into the columns `python -m models backtest carbon` reads.

Rules: `UTC time` becomes `time` (start of the hour) and `carbon_intensity` (direct, g/kWh) becomes
`carbon_gco2e_per_kwh`. Weather columns already named `forecast_*` are kept. Day-ahead production forecasts
`avg_*_production_forecast` become `forecast_avg_*_production_forecast`: they were published the day before. Generation
as it came about (`coal`, `wind`, ...) is left out: it is not known ahead. No row is added, dropped or changed; a column
that a grid lacks stays empty for it.

Usage: python -m bench.convert_dacf SOURCE.parquet TABLE.parquet
"""

import sys
from pathlib import Path

import pandas as pd

SOURCE = "carbon/dacf_5grids_2020_2021H1.parquet"
"""Where the source lies in the folder of the public data sets."""

_NAMES = {"UTC time": "time", "zone": "zone", "carbon_intensity": "carbon_gco2e_per_kwh"}


def convert(source: Path, table: Path) -> None:
    """Writes the table."""
    frame = pd.read_parquet(source)
    weather = {name: name for name in frame.columns if name.startswith("forecast_")}
    production = {name: f"forecast_{name}" for name in frame.columns if name.endswith("_production_forecast")}
    names = _NAMES | weather | production
    frame[list(names)].rename(columns=names).to_parquet(table, index=False)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
