"""Readings as a forecast may use them: nothing after the cut-off, a missing source said, age and state told."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from models.domain.forecast import DataState, QuantileForecast, Reading
from models.sources.rows import CARBON, PRICE, hide_after, interval_of


def no_source(connection: str) -> Reading:
    """The reading of a source that is not set up."""
    note = f"no Connection {connection} says where the data come from"
    return Reading("", DataState.NO_DATA, None, None, pd.DataFrame(), note)


def known_at(reading: Reading, cut_off: datetime) -> Reading:
    """The reading without values that had not ended by the cut-off.

    Rows kept from a later reading stand in when a past slot is filled in and its source fails; they must not show
    that slot its own future.
    """
    if reading.known_until is None or reading.known_until <= cut_off:
        return reading
    if PRICE in reading.rows.columns and reading.fetched_at is not None and reading.fetched_at <= cut_off:
        # Prices are known ahead: what had been read by the cut-off had been published by then, whatever its hour.
        return reading
    interval = interval_of(reading.rows["time"])
    if CARBON in reading.rows.columns:
        rows = hide_after(reading.rows, CARBON, cut_off, interval)
        known = rows.loc[rows[CARBON].notna(), "time"]
    else:
        rows = reading.rows[reading.rows["time"] + interval <= pd.Timestamp(cut_off)]
        known = rows["time"]
    if known.empty:
        note = f"{reading.note}; nothing is known from before {cut_off:%Y-%m-%d %H:%M} UTC".strip("; ")
        return Reading(reading.source, DataState.NO_DATA, None, None, rows.iloc[:0], note)
    until = (known.max() + interval).to_pydatetime()
    return dataclasses.replace(reading, rows=rows, known_until=until)


def age_s(reading: Reading, cut_off: datetime) -> float | None:
    """Age of the newest value at the cut-off, whole seconds; None without data."""
    return None if reading.known_until is None else float(round((cut_off - reading.known_until).total_seconds()))


def state_of(reading: Reading, forecasts: Sequence[QuantileForecast]) -> DataState:
    """State of a forecast: that of its reading, or no data when nothing could be forecast from it."""
    return reading.state if forecasts else DataState.NO_DATA


def worst(states: Sequence[DataState]) -> DataState:
    """The worst of the states; no data when there is none."""
    order = (DataState.NO_DATA, DataState.STALE, DataState.OK)
    return min(states, key=order.index, default=DataState.NO_DATA)
