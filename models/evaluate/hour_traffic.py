"""Requests of an hour and of the one before it, and its demand as a series with history."""

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import takewhile
from pathlib import Path

import numpy as np
import pandas as pd

from models.domain.workload import Workload
from models.evaluate.hour_origins import local_s
from models.evaluate.hours import HOUR_S, ROW_S, Hour
from models.forecast.grid import Grid
from models.sources.seeded_noise import smooth_noise
from models.sources.workload.diurnal import DAY_S, factor_at
from models.sources.workload.dressing import Dress
from models.sources.workload.read import read_workload
from models.sources.workload.read_settings import FromRates, ReadSettings
from models.sources.workload.scaling import Method, Scaling
from models.sources.workload.servegen import total_rates
from models.sources.workload.synthetic import SyntheticSettings, synthetic_workload

SERVEGEN = "traffic/servegen_total_rate_10min.csv.gz"
AZURE = "traffic/azure_llm_2023"

HISTORY_DAYS = 8

_OTHER_SEED = 1_000_000
"""Between the seeds of an hour and of the one before it."""

_STAND_IN = "m-small"
_STAND_IN_DAY = 9
"""Days before Azure's hour are ServeGen's m-small up to this day, at the same local time."""


@dataclass(frozen=True)
class HourTraffic:
    """Requests and demand.

    Attributes:
        workload: Requests of the hour.
        before: Requests of the hour before, which tell how demand divides.
        demand: Rates before the hour, and those of its arrivals; req/s in rows of ten minutes, NaN = missing.
        notes: What is worth knowing, a sentence each.
    """

    workload: Workload
    before: Workload
    demand: Grid
    notes: tuple[str, ...] = ()


def synthetic_traffic(hour: Hour, dress: Dress) -> HourTraffic:
    """Synthetic requests at the first location's time of day, after eight days of the day's factors with 8 % noise."""
    start_s = local_s(hour, 0)
    settings = SyntheticSettings(hour.rate_rps, HOUR_S, start_hour=start_s / 3_600, dress=dress)
    earlier = replace(settings, start_hour=(start_s / 3_600 - 1) % 24)
    rows = HISTORY_DAYS * int(DAY_S) // ROW_S
    offsets_s = (np.arange(rows) - rows) * float(ROW_S)
    level = float(factor_at(start_s + np.arange(0.0, HOUR_S, 60.0)).mean())
    rates = hour.rate_rps / level * factor_at(start_s + offsets_s + ROW_S / 2)
    rates = rates * np.maximum(1 + 0.08 * smooth_noise(offsets_s, 3_600.0, f"{hour.seed} demand"), 0.05)
    workload = synthetic_workload(hour.seed, settings)
    before = synthetic_workload(hour.seed + _OTHER_SEED, earlier)
    return HourTraffic(workload, before, _demand(hour, rates, workload), ("requests and history are synthetic",))


def servegen_traffic(hour: Hour, folder: Path, dress: Dress) -> HourTraffic:
    """ServeGen's rates, all times one constant so that the hour's mean is as asked; lengths of Azure's traces.

    Raises:
        SourceError: a data set is missing or wrong.
        ConfigError: the hour is outside the trace.
    """
    made = [
        read_workload(
            "servegen", folder / SERVEGEN,
            ReadSettings(
                hour.traffic_start_s + shift_s, HOUR_S, dress=dress,
                rates=FromRates(folder / AZURE, hour.traffic, mean_rps=hour.rate_rps, seed=seed),
            ),
        )
        for shift_s, seed in ((0.0, hour.seed), (-HOUR_S, hour.seed + _OTHER_SEED))
    ]  # fmt: skip
    rates = _rates_before(folder, hour.traffic, hour.traffic_start_s, hour.rate_rps)
    return HourTraffic(made[0], made[1], _demand(hour, rates, made[0]))


def azure_traffic(hour: Hour, folder: Path, dress: Dress, method: Method) -> HourTraffic:
    """Both of Azure's traces of 2023, to which belongs no history: ServeGen's stands in for it, and is said to.

    Raises:
        SourceError: a data set is missing or wrong.
    """
    recorded = read_workload("azure", folder / AZURE, ReadSettings(dress=dress))
    count = sum(1 for _ in recorded.requests())
    workload = recorded
    if abs(count / recorded.duration_s / hour.rate_rps - 1) > _SAME_RATE:
        scaling = Scaling(method, rate_rps=hour.rate_rps, seed=hour.seed)
        workload = _first_hour(read_workload("azure", folder / AZURE, ReadSettings(dress=dress, scaling=scaling)))
    rates = _rates_before(folder, _STAND_IN, _STAND_IN_DAY * DAY_S + local_s(hour, 0), hour.rate_rps)
    notes = (
        f"the trace has no history: rates before it are ServeGen's {_STAND_IN}, scaled to {hour.rate_rps:g} req/s",
        "how demand divides into classes is taken from the trace itself, for there is no earlier part of it",
    )
    return HourTraffic(workload, recorded, _demand(hour, rates, workload), notes)


_SAME_RATE = 0.005
"""Rates that differ by less are the same: the list of hours rounds them."""


def _first_hour(workload: Workload) -> Workload:
    """What of a workload lies in its first hour."""
    return replace(
        workload,
        duration_s=min(workload.duration_s, HOUR_S),
        requests=lambda: takewhile(lambda each: each.arrival_s < HOUR_S, workload.requests()),
    )


def _rates_before(folder: Path, series: str, start_s: float, rate_rps: float) -> np.ndarray:
    """Rates of all windows before a moment, times what makes the hour from it on have the rate."""
    trace = total_rates(folder / SERVEGEN, series)
    factor = rate_rps / trace.mean(start_s, start_s + HOUR_S)
    rates: np.ndarray = factor * trace.rates[: int(start_s) // ROW_S]
    return rates


def _demand(hour: Hour, before: np.ndarray, workload: Workload) -> Grid:
    """The history, and the rates at which requests arrived in the hour."""
    arrivals_s = np.fromiter((each.arrival_s for each in workload.requests()), dtype=float)
    edges = np.arange(0.0, HOUR_S + 1, ROW_S)
    counts, _ = np.histogram(arrivals_s, edges)
    # A trace that ends within its last row fills it in part.
    lengths_s = np.diff(np.minimum(edges, workload.duration_s))
    rates = np.divide(counts, lengths_s, out=np.full(len(counts), np.nan), where=lengths_s > 0)
    start = pd.Timestamp(hour.start - timedelta(seconds=ROW_S * len(before)))
    values = np.concatenate((before, rates))
    return Grid("demand", start, ROW_S, values, np.empty((len(values), 0)))
