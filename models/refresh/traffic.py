"""Refreshing the traffic forecast of a slot: cells read up to the cut-off, summed to classes, forecast, stored."""

import dataclasses
from datetime import datetime, timedelta
from itertools import groupby

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ForecastError, SourceError
from freesh_plugin.core.request import Partition
from models.domain.forecast import DataState, QuantileForecast, Reading
from models.domain.records import ForecastRecord, PlanningStore
from models.domain.scenario import Scenario
from models.forecast import forecast_demand
from models.refresh.forecasts import DEMAND_QUANTILE, fingerprint, rounded
from models.refresh.reading import age_s, known_at, no_source, state_of
from models.refresh.slot import Slot
from models.sources.cells import ClassSeries, class_history
from models.sources.ports import TrafficSource
from models.sources.top_up import read_sparingly

HISTORY = timedelta(days=28)
"""How far back the forecast learns from."""

LEVELS = (0.5, DEMAND_QUANTILE, 0.99)
"""The median, what capacity is planned for, and what would call for a new plan."""


def refresh_traffic(
    slot: Slot, fleet: Scenario, source: TrafficSource | None, store: PlanningStore, *, now: datetime
) -> ForecastRecord:
    """Forecast the demand of every class of every bounded partition, store and return the forecast.

    Without a source, or with one that fails, the last known rows are used, marked stale; without those, the record
    holds no forecast and says so.

    Raises:
        SourceError: the store failed.
    """
    cut_off = slot.cut_off(now)
    reading = known_at(_read(fleet, source, store, cut_off), cut_off)
    forecasts, notes = _forecasts(slot, fleet, reading, cut_off)
    record = ForecastRecord(
        kind="demand",
        epoch=slot.epoch,
        issued_at=cut_off,
        state=state_of(reading, forecasts),
        source=reading.source,
        forecasts=forecasts,
        age_s=age_s(reading, cut_off),
        note="; ".join(each for each in (reading.note, *notes) if each),
    )
    store.save_forecast(record)
    return record


def _read(fleet: Scenario, source: TrafficSource | None, store: PlanningStore, cut_off: datetime) -> Reading:
    if source is None:
        return no_source("freesh_traffic")
    cells = fleet.cells
    key = f"traffic {fingerprint([source.name.encode(), repr(cells).encode()])}"
    return read_sparingly(
        lambda since: source.fetch(cells, since, cut_off),
        since=cut_off - HISTORY,
        key=key,
        store=store,
        now=cut_off,
        source=source.name,
        publishing=source.publishing,
    )


def _forecasts(
    slot: Slot, fleet: Scenario, reading: Reading, cut_off: datetime
) -> tuple[tuple[QuantileForecast, ...], list[str]]:
    """Forecasts of every partition whose demand can be told, and in sentences why others' cannot."""
    forecasts: list[QuantileForecast] = []
    notes: list[str] = []
    if reading.state is DataState.NO_DATA:
        return (), notes
    for partition in fleet.partitions:
        try:
            history = class_history(reading.rows, partition, step_s=fleet.step_s)
            forecasts += _of_partition(slot, fleet, partition, history, cut_off)
        except (SourceError, ForecastError) as error:
            notes.append(f"partition {partition.name}: {error}")
    return tuple(forecasts), notes


def _of_partition(
    slot: Slot, fleet: Scenario, partition: Partition, history: dict[ClassSeries, pd.Series], cut_off: datetime
) -> list[QuantileForecast]:
    """Forecasts of the series of one partition; those of several origins are scaled to their joint quantile."""
    forecasts = []
    for _, names in groupby(sorted(history, key=_joint), key=_joint):
        origins = list(names)
        parts = [_forecast(slot, fleet, partition, name, history[name], cut_off) for name in origins]
        if len(parts) > 1:
            total = sum((history[name] for name in origins[1:]), history[origins[0]])
            joint = _forecast(slot, fleet, partition, origins[0], total, cut_off)
            parts = scaled_to_joint(parts, joint)
        forecasts += [rounded(each, "demand") for each in parts]
    return forecasts


def scaled_to_joint(parts: list[QuantileForecast], joint: QuantileForecast) -> list[QuantileForecast]:
    """The parts with quantiles scaled by one factor per level and step, so that their sum is the joint quantile.

    Origins seldom peak together: the sum of their own quantiles would provision 12 to 19 % too much.
    """
    total = np.sum([each.quantiles for each in parts], axis=0)
    factor = np.divide(joint.quantiles, total, out=np.ones_like(total), where=total > 0)
    return [dataclasses.replace(each, quantiles=each.quantiles * factor) for each in parts]


def _joint(name: ClassSeries) -> tuple[str, str, str]:
    return (name.model, name.tier, name.request_class)


def _forecast(
    slot: Slot, fleet: Scenario, partition: Partition, name: ClassSeries, history: pd.Series, cut_off: datetime
) -> QuantileForecast:
    labels = {"partition": partition.name} | name._asdict()
    forecast = forecast_demand(
        history,
        issued_at=cut_off,
        starts_at=slot.starts_at,
        intervals=fleet.steps,
        step_s=fleet.step_s,
        levels=LEVELS,
        series=" ".join(labels.values()),
    )
    return dataclasses.replace(forecast, labels=labels)
