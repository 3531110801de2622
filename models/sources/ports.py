"""What a provider of carbon or traffic looks like to the planner."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pandas as pd

from freesh_plugin.core.request import CellGrid


@dataclass(frozen=True)
class Fetched:
    """Rows as `Reading.rows` describes them, and what was wrong with the provider's own rows, in a sentence."""

    rows: pd.DataFrame
    note: str = ""


class CarbonSource(Protocol):
    """A provider of carbon intensity."""

    @property
    def name(self) -> str:
        """The provider, with its licence where it asks for attribution, and `synthetic` where that is so."""
        ...

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """Rows of the zones whose interval starts in [start, end), aware UTC, sorted by zone and time.

        What had not ended by `cut_off` is not known: its carbon is NaN, only its `forecast_*` columns may hold
        numbers. A missing value is NaN or an absent row, never a guess.

        Raises:
            SourceError: the provider failed, knows no such zone, has no data, or answers something implausible.
        """
        ...


class TrafficSource(Protocol):
    """A provider of offered load."""

    @property
    def name(self) -> str:
        """The provider, with `synthetic` where that is so."""
        ...

    def fetch(self, cells: CellGrid, start: datetime, end: datetime) -> Fetched:
        """Rows whose interval starts at or after `start` and has ended by `end` (the cut-off), aware UTC.

        Columns: time, prompt_cell, answer_cell (predicted), demand_rps, model, origin, tier. A step in which nothing
        was counted anywhere is absent: not known, rather than 0.

        Raises:
            SourceError: the provider failed, has no data, or answers something implausible.
        """
        ...
