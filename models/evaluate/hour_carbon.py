"""Carbon of an hour's three grids with its history, as series."""

from collections.abc import Mapping
from datetime import timedelta

import pandas as pd

from models.evaluate.hours import Hour
from models.forecast.grid import Grid, to_grid
from models.sources.rows import CARBON
from models.sources.synthetic import PUBLISHING, SyntheticCarbon


def synthetic_carbon(hour: Hour) -> Mapping[str, Grid]:
    """Three weeks of the synthetic zones, to a day after the hour."""
    end = hour.start + timedelta(days=1)
    fetched = SyntheticCarbon(hour.seed).fetch(hour.zones, hour.start - PUBLISHING.history, end, cut_off=end)
    return {str(zone): series(rows, str(zone), CARBON) for zone, rows in fetched.rows.groupby("zone")}


def series(rows: pd.DataFrame, name: str, column: str, ahead: tuple[str, ...] = ()) -> Grid:
    """One series of rows of `time` and a column; `ahead` are known before their time."""
    frame = rows.set_index("time")[[column, *ahead]].rename(columns={column: "value"})
    return to_grid(frame, name, ahead)
