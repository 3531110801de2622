"""Hourly and ten-minute series for forecast tests: seeded, with a day's shape, labelled by what they are."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

START = datetime(2024, 1, 1, tzinfo=UTC)
"""A Monday; every series starts here."""


def hourly_carbon(days: int, *, seed: int = 7, noise: float = 15.0) -> "pd.Series[float]":
    """g/kWh: 300, a daily wave of 80, a weekly one of 30, and noise that stays for about a day."""
    hours = np.arange(24 * days)
    drift = np.zeros(len(hours))
    steps = np.random.default_rng(seed).normal(0.0, noise * 0.3, len(hours))
    for hour in range(1, len(hours)):
        drift[hour] = 0.95 * drift[hour - 1] + steps[hour]
    values = 300 + 80 * np.sin(2 * np.pi * hours / 24) + 30 * np.sin(2 * np.pi * hours / 168) + drift
    return pd.Series(values, index=_index(len(hours), 3_600))


def ten_minute_demand(days: int, *, seed: int = 7) -> "pd.Series[float]":
    """req/s: 100 with a daily wave of 40 and a disturbance that halves in half an hour."""
    rows = np.arange(144 * days)
    drift = np.zeros(len(rows))
    steps = np.random.default_rng(seed).normal(0.0, 5.0, len(rows))
    for row in range(1, len(rows)):
        drift[row] = 0.8 * drift[row - 1] + steps[row]
    values = 100 + 40 * np.sin(2 * np.pi * rows / 144) + drift
    return pd.Series(values, index=_index(len(rows), 600))


def as_table(values: "pd.Series[float]", column: str, **labels: str) -> pd.DataFrame:
    """The series as the rows of a table with a `time` column."""
    return pd.DataFrame({"time": values.index, **labels, column: values.to_numpy()})


def _index(rows: int, step_s: int) -> pd.DatetimeIndex:
    return pd.date_range(START, periods=rows, freq=pd.Timedelta(seconds=step_s))
