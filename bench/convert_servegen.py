"""Turns ServeGen's total request rates into the columns `python -m models backtest demand` reads.

Rules: `model` becomes `series`, for the two with fourteen days of windows (m-mid, m-small). `rate` (req/s over 600 s)
becomes `demand_rps`; a window of rate 0 is a hole in the trace and stays empty, which is missing. `t_s` counts from a
local midnight that the trace does not name: it is put on 2024-01-01T00:00Z, so hours are local hours and dates are
nominal. Test days 8 to 14 are then 2024-01-08 to 2024-01-14.

Usage: python -m bench.convert_servegen SOURCE.csv.gz TABLE.csv
"""

import sys
from pathlib import Path

import pandas as pd

SOURCE = "traffic/servegen_total_rate_10min.csv.gz"
"""Where the source lies in the folder of the public data sets."""

MODELS = ("m-mid", "m-small")
START = pd.Timestamp("2024-01-01", tz="UTC")


def convert(source: Path, table: Path) -> None:
    """Writes the table."""
    frame = pd.read_csv(source)
    frame = frame[frame["model"].isin(MODELS)]
    rate = frame["rate"]
    time = START + pd.to_timedelta(frame["t_s"], unit="s")
    columns = {"time": time, "series": frame["model"], "demand_rps": rate.where(rate > 0)}
    pd.DataFrame(columns).to_csv(table, index=False)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
