"""Demand of an hour as a series: the trace's rates before it, and what arrived in it."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd

from models.domain.workload import Workload
from models.evaluate.hour_origins import local_s
from models.evaluate.hours import HOUR_S, Hour
from models.forecast.grid import Grid
from models.sources.seeded_noise import smooth_noise
from models.sources.workload.diurnal import factor_at
from models.sources.workload.dressing import Dress
from models.sources.workload.synthetic import SyntheticSettings, synthetic_workload

ROW_S = 600
HISTORY_DAYS = 8


def synthetic_traffic(hour: Hour, dress: Dress) -> tuple[Workload, Workload, Grid]:
    """Requests of the hour and of the one before, and eight days of rates before it: the day's factors and 8 % noise.

    The hour that the rate is the mean of begins at the local time of the first location.
    """
    start_s = local_s(hour, 0)
    settings = SyntheticSettings(hour.rate_rps, HOUR_S, start_hour=start_s / 3_600, dress=dress)
    before = replace(settings, start_hour=(start_s / 3_600 - 1) % 24)
    rows = HISTORY_DAYS * 86_400 // ROW_S
    offsets_s = (np.arange(rows) - rows) * float(ROW_S)
    level = float(factor_at(start_s + np.arange(0.0, HOUR_S, 60.0)).mean())
    rates = hour.rate_rps / level * factor_at(start_s + offsets_s + ROW_S / 2)
    rates = rates * np.maximum(1 + 0.08 * smooth_noise(offsets_s, 3_600.0, f"{hour.seed} demand"), 0.05)
    return (
        synthetic_workload(hour.seed, settings),
        synthetic_workload(hour.seed + 1_000_000, before),
        history(hour, rates),
    )


def history(hour: Hour, rates: np.ndarray) -> Grid:
    """Rates before the hour, req/s in rows of ten minutes; NaN = missing."""
    start = pd.Timestamp(hour.start - timedelta(seconds=ROW_S * len(rates)))
    return Grid("demand", start, ROW_S, rates, np.empty((len(rates), 0)))


def with_hour(before: Grid, hour: Hour, workload: Workload) -> Grid:
    """The history, and the rates at which requests arrived in the hour."""
    arrivals_s = np.fromiter((each.arrival_s for each in workload.requests()), dtype=float)
    counts = np.bincount((arrivals_s // ROW_S).astype(int), minlength=int(HOUR_S) // ROW_S)
    values = np.concatenate((before.values, counts[: int(HOUR_S) // ROW_S] / ROW_S))
    return replace(before, values=values, exogenous=np.empty((len(values), 0)))
