"""Which three zones differ most, least, and change places most often: what the cells of forecast_value rest on.

Rules: 2022 only, direct intensity, zones whose rows are estimated throughout left out. For every trio of zones:
spread = mean over hours of (dirtiest - cleanest); regret = mean over hours of what the zone that is cleanest on the
year's mean emits above the cleanest of the hour, which is what knowing the hour can be worth at most.

Usage: python -m bench.zone_spread FREESH_DATA
"""

import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from bench import convert_hourly_zones

YEAR = "2022"


def spreads(source: Path) -> pd.DataFrame:
    """`zones`, `spread` and `regret` (g/kWh) of every trio."""
    frame = pd.read_parquet(source)
    estimated = frame.groupby("Zone Id")["Data Estimated"].mean()
    frame = frame[frame["Zone Id"].isin(estimated[estimated < 1].index)]
    value = next(name for name in frame.columns if name.endswith("(direct)"))
    table = frame.pivot(index="Datetime (UTC)", columns="Zone Id", values=value)
    year = table[pd.to_datetime(table.index).year == int(YEAR)]
    rows = []
    for trio in combinations(year.columns, 3):
        hours = year[list(trio)].to_numpy()
        cleanest = hours.min(axis=1)
        regret = hours[:, np.argmin(hours.mean(axis=0))] - cleanest
        rows.append((" ".join(trio), (hours.max(axis=1) - cleanest).mean(), regret.mean()))
    return pd.DataFrame(rows, columns=["zones", "spread", "regret"])


if __name__ == "__main__":
    found = spreads(Path(sys.argv[1]) / convert_hourly_zones.SOURCE)
    for title, row in (
        ("high spread", found.iloc[int(found["spread"].argmax())]),
        ("low spread", found.iloc[int(found["spread"].argmin())]),
        ("changing places", found.iloc[int(found["regret"].argmax())]),
    ):
        sys.stdout.write(f"{title}: {row['zones']}, spread {row['spread']:.0f}, regret {row['regret']:.1f} g/kWh\n")
