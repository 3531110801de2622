"""What an operator's requests and grids must have so that policies can be run over a span of them."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import pandas as pd

from freesh_plugin.core.errors import ConfigError
from models.domain.workload import Workload
from models.evaluate.outlook import SPREAD_S
from models.forecast.grid import Grid
from models.sources.scenario.spot import nearest


def check_enough(before: Workload) -> None:
    """The requests that plans are made by tell how unevenly they come: they do not all lie in one window.

    Raises:
        ConfigError: they do, or there is none.
    """
    windows = [int(each.arrival_s // SPREAD_S) for each in before.requests()]
    # As in `Outlook`: the last window may have been cut off, and counts only where it is the second.
    last = max(windows, default=0)
    if last < 1 or (last > 1 and min(windows) == last):
        raise ConfigError(
            f"{before.name}: {len(windows)} requests to plan by, in {len(set(windows))} windows of {SPREAD_S:g} s, at "
            "least 2 are needed; give a longer trace, a higher rate, or a --skip that leaves more before it"
        )


def covering(carbon: Mapping[str, Grid], zones: Collection[str], start: datetime, duration_s: float) -> dict[str, Grid]:
    """Zone to its intensities, which are known throughout the span.

    Raises:
        ConfigError: a zone has none, or has none at a time of the span.
    """
    for zone in zones:
        if zone not in carbon:
            raise ConfigError(f"no carbon of zone {zone!r}{nearest(zone, list(carbon))}")
        _check_covers(carbon[zone], start, start + timedelta(seconds=duration_s))
    return {zone: carbon[zone] for zone in zones}


def _check_covers(grid: Grid, start: datetime, end: datetime) -> None:
    """Every row that the span touches is there and holds a value."""
    last = grid.row_at(end - timedelta(microseconds=1))
    for row in range(grid.row_at(start), last + 1):
        if not 0 <= row < grid.rows or pd.isna(grid.values[row]):
            at, ends = max(grid.time_of(row), pd.Timestamp(start)), grid.time_of(grid.rows)
            raise ConfigError(
                f"no carbon of zone {grid.series!r} at {_short(at)}: the table has {_short(grid.start)} to "
                f"{_short(ends)}, the span is {_short(start)} to {_short(end)}; add rows, or simulate another span"
            )


def _short(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"
