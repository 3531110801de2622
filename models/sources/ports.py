"""What a provider of carbon, prices or traffic looks like to the planner."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import pandas as pd

from freesh_plugin.core.request import CellGrid
from models.domain.scenario import CarbonSignal


@dataclass(frozen=True)
class Fetched:
    """Rows as `Reading.rows` describes them, and what was wrong with the provider's own rows, in a sentence."""

    rows: pd.DataFrame
    note: str = ""


@dataclass(frozen=True)
class Publishing:
    """How a provider publishes: what may be expected of it, and what need not be asked again.

    Attributes:
        lag: Usual time from the end of an interval to its value.
        max_age: A reading whose newest value ended longer ago is stale.
        updated_every: What was read less than this before is not asked for again.
        revised_within: How long a published value may still change; older ones are not read again. None = they may
            change at any time, as in a file: every reading is whole.
        history: How far back carbon is asked for at first; what is kept may grow beyond.
    """

    lag: timedelta
    max_age: timedelta
    updated_every: timedelta = timedelta()
    revised_within: timedelta | None = None
    history: timedelta = timedelta(days=60)


AS_A_FILE = Publishing(lag=timedelta(), max_age=timedelta(hours=3))
"""Of a file or a function: at once, read whole each time."""

YEAR = timedelta(days=365)
"""A history that pays: with 60 days carbon forecasts are an eighth worse."""


class CarbonSource(Protocol):
    """A provider of carbon intensity."""

    @property
    def publishing(self) -> Publishing:
        """How it publishes."""
        ...

    @property
    def name(self) -> str:
        """The provider, with its licence where it asks for attribution, and `synthetic` where that is so."""
        ...

    @property
    def own_forecast(self) -> str | None:
        """Column of its rows that holds its own forecast of carbon, the newest one alone; None = it gives none."""
        ...

    @property
    def signal(self) -> CarbonSignal | None:
        """What the numbers are: average or marginal, direct or lifecycle; None = nobody says, as of a file."""
        ...

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """Rows of the zones whose interval starts in [start, end), aware UTC, sorted by zone and time.

        What had not ended by `cut_off` is not known: its carbon is NaN, only its `forecast_*` columns may hold
        numbers. A missing value is NaN or an absent row, never a guess.

        Raises:
            SourceError: the provider failed, knows no such zone, has no data, or answers something implausible.
        """
        ...


class PriceSource(Protocol):
    """A provider of electricity prices."""

    @property
    def publishing(self) -> Publishing:
        """How it publishes; `max_age` counts from the end of the last price that is known."""
        ...

    @property
    def name(self) -> str:
        """The provider, with its licence where it asks for attribution, and the rate where money was converted."""
        ...

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """Rows `time, zone, price_usd_per_mwh` whose interval starts in [start, end), aware UTC, by zone and time.

        Prices are known ahead: rows may lie after `cut_off`, as far as they had been published by then. A missing
        price is NaN or an absent row, never a guess. Negative prices are prices.

        Raises:
            SourceError: the provider failed, knows no such zone, has no data, or answers something implausible.
        """
        ...


class TrafficSource(Protocol):
    """A provider of offered load."""

    @property
    def publishing(self) -> Publishing:
        """How it publishes."""
        ...

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
