"""Forecast records for tests: flat series with round numbers, for a slot and a small fleet."""

from collections.abc import Mapping
from datetime import timedelta

import numpy as np

from models.domain.forecast import DataState, QuantileForecast
from models.domain.records import ForecastRecord
from models.refresh.slot import Slot

DEMAND_LEVELS = (0.5, 0.95, 0.99)
CARBON_LEVELS = (0.1, 0.5, 0.9)


def flat_forecast(
    series: str,
    slot: Slot,
    mean: float,
    levels: tuple[float, ...],
    labels: Mapping[str, str],
    *,
    steps: int,
    step_s: int,
) -> QuantileForecast:
    """Mean everywhere; the quantile of level p is mean * (0.5 + p)."""
    quantiles = np.array([[mean * (0.5 + level)] * steps for level in levels])
    return QuantileForecast(
        series, slot.issue_at, slot.starts_at, step_s, levels, np.full(steps, mean), quantiles, "flat", "", labels
    )


def demand_record(
    slot: Slot,
    rps: Mapping[tuple[str, str], float],
    *,
    state: DataState = DataState.OK,
    age_s: float = 300.0,
    note: str = "",
) -> ForecastRecord:
    """Demand by (partition, class): mean req/s; the 0.95 quantile is 1.45 times the mean."""
    forecasts = tuple(
        flat_forecast(
            f"{partition} {name}",
            slot,
            mean,
            DEMAND_LEVELS,
            {"partition": partition, "request_class": name, "model": "default", "origin": "any", "tier": "default"},
            steps=6,
            step_s=300,
        )
        for (partition, name), mean in rps.items()
    )
    return ForecastRecord("demand", slot.epoch, slot.issue_at, state, "flat traffic", forecasts, age_s, note)


def carbon_record(
    slot: Slot, zones: Mapping[str, float], *, state: DataState = DataState.OK, age_s: float = 1_800.0, note: str = ""
) -> ForecastRecord:
    """Carbon by zone: mean g/kWh for six hours in steps and a day in hours; p10 is 0.6 and p90 1.4 times the mean."""
    forecasts = tuple(
        flat_forecast(zone, slot, mean, CARBON_LEVELS, {"zone": zone}, steps=steps, step_s=step_s)
        for zone, mean in zones.items()
        for steps, step_s in ((72, 300), (24, 3_600))
    )
    return ForecastRecord("carbon", slot.epoch, slot.issue_at, state, "flat carbon", forecasts, age_s, note)


def later(slot: Slot, epochs: int) -> Slot:
    """The slot so many half hours later."""
    return Slot(int((slot.starts_at + timedelta(minutes=30 * epochs)).timestamp() // 1_800))
