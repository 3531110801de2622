"""Forecasts as a plan uses them: those of the slot, else the last good ones marked stale, else none; as steps."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from freesh_plugin.core.plan import CarbonStep, InputState, PlanInput
from models.domain.forecast import DataState, QuantileForecast
from models.domain.records import ForecastKind, ForecastRecord, PlanningStore
from models.domain.scenario import CarbonPoint, Demand, Scenario
from models.refresh.slot import Slot

DEMAND_QUANTILE = 0.95
"""Capacity is planned for this quantile of offered demand."""

CARBON_QUANTILES = (0.1, 0.9)
"""Quantiles of carbon that the plan carries."""

OUTLOOK_S = 6 * 3_600
"""Carbon in five-minute steps this far ahead, seconds; hourly for a day."""

_DIGITS = {"demand": 4, "carbon": 2, "prices": 4}
"""Decimals kept: fine enough for any decision, coarse enough that equal data give equal text."""


@dataclass(frozen=True)
class Used:
    """Forecasts of one kind as a plan for one slot uses them; without any, `forecasts` is empty."""

    kind: ForecastKind
    state: DataState
    forecasts: tuple[QuantileForecast, ...] = ()
    age_s: float | None = None
    source: str = ""
    note: str = ""

    @property
    def version(self) -> str:
        """Fingerprint of everything in the forecasts: equal versions are equal inputs."""
        return fingerprint(part for each in self.forecasts for part in _parts(each))

    def as_input(self) -> PlanInput:
        """The plan's line on this input."""
        note = "; ".join(each for each in (self.source and f"source: {self.source}", self.note) if each)
        return PlanInput(self.kind, self.version, InputState(self.state.value), self.age_s, note)


def rounded(forecast: QuantileForecast, kind: ForecastKind) -> QuantileForecast:
    """The forecast with the decimals that a plan keeps."""
    digits = _DIGITS[kind]
    return replace(
        forecast, mean=np.round(forecast.mean, digits) + 0.0, quantiles=np.round(forecast.quantiles, digits) + 0.0
    )


def used_forecasts(store: PlanningStore, kind: ForecastKind, slot: Slot) -> Used:
    """Forecasts for the slot, else the newest good ones of an earlier slot, marked stale with their age."""
    record = store.forecast(kind, slot.epoch)
    if record is not None and record.forecasts:
        return _used(record, record.state, record.age_s, record.note)
    last = store.last_forecast(kind, slot.epoch)
    why = record.note if record is not None else f"no {kind} forecast was made for {slot}"
    if last is None:
        return Used(kind, DataState.NO_DATA, note=why)
    age_s = (slot.issue_at - last.issued_at).total_seconds() + (last.age_s or 0.0)
    return _used(last, DataState.STALE, age_s, f"forecast of {Slot(last.epoch)} used again: {why}")


def demand_rows(used: Used, fleet: Scenario) -> tuple[Demand, ...]:
    """Demand by step, for every series that the fleet knows; step k of an older forecast stands for step k."""
    rows = []
    for each in used.forecasts:
        at = {key: value for key, value in each.labels.items() if key in _DEMAND_LABELS}
        if not _known(at, fleet):
            continue
        quantile = each.quantile(DEMAND_QUANTILE)
        for step in range(fleet.steps):
            k = min(step, len(quantile) - 1)
            mean = float(each.mean[k])
            # Of very uneven demand the mean can lie above the quantile; capacity is for the larger of the two.
            rows.append(Demand(**at, step=step, demand_rps=max(float(quantile[k]), mean), mean_rps=mean))
    return tuple(rows)


def carbon_points(used: Used, fleet: Scenario, slot: Slot) -> tuple[CarbonPoint, ...]:
    """Carbon by location and step, for the locations whose grid zone has a forecast that covers the whole slot."""
    points = []
    for location in fleet.locations:
        series = _covering(used, location.grid_zone, slot.starts_at, fleet)
        for step, row in enumerate(series[: fleet.steps]):
            points.append(CarbonPoint(location.name, step, *row))
    return tuple(points)


def carbon_outlook(used: Used, fleet: Scenario, slot: Slot) -> Mapping[str, tuple[CarbonStep, ...]]:
    """Carbon of each location for the six hours from the slot's start, as far as forecasts reach."""
    kind = fleet.carbon_signal.kind
    outlook = {}
    for location in fleet.locations:
        series = _covering(used, location.grid_zone, slot.starts_at, fleet)
        if series:
            outlook[location.name] = tuple(
                CarbonStep(step, mean, kind, low, high) for step, (mean, low, high) in enumerate(series)
            )
    return outlook


def fingerprint(parts: Iterable[bytes]) -> str:
    """Short digest of the parts, in their order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]


_DEMAND_LABELS = ("partition", "request_class", "model", "origin", "tier")


def _used(record: ForecastRecord, state: DataState, age_s: float | None, note: str) -> Used:
    return Used(record.kind, state, record.forecasts, age_s, record.source, note)


def _parts(forecast: QuantileForecast) -> Iterator[bytes]:
    labels = ";".join(f"{key}={value}" for key, value in sorted(forecast.labels.items()))
    yield f"{forecast.series};{labels};{forecast.starts_at.isoformat()};{forecast.step_s};{forecast.levels}".encode()
    yield np.ascontiguousarray(forecast.mean, dtype="<f8").tobytes()
    yield np.ascontiguousarray(forecast.quantiles, dtype="<f8").tobytes()


def _known(at: Mapping[str, str], fleet: Scenario) -> bool:
    """Whether the fleet still has that partition, class, model and tier (its folder may have changed since)."""
    partitions = {each.name: each.classes for each in fleet.partitions}
    return (
        at["request_class"] in partitions.get(at["partition"], ())
        and at.get("model", fleet.models[0]) in fleet.models
        and at.get("tier", fleet.tiers[0].name) in {tier.name for tier in fleet.tiers}
    )


def _covering(used: Used, zone: str | None, start: datetime, fleet: Scenario) -> list[tuple[float, float, float]]:
    """(mean, p10, p90) by step from `start`, from the finest forecast of the zone that covers the slot; else []."""
    needed = fleet.steps * fleet.step_s
    for each in sorted(used.forecasts, key=lambda forecast: forecast.step_s):
        end = each.starts_at + timedelta(seconds=each.step_s * len(each.mean))
        covered_s = (end - start).total_seconds()
        if zone is None or each.labels.get("zone") != zone or each.starts_at > start or covered_s < needed:
            continue
        low, high = (each.quantile(level) for level in CARBON_QUANTILES)
        offset_s = (start - each.starts_at).total_seconds()
        steps = int(min(covered_s, max(OUTLOOK_S, needed)) // fleet.step_s)
        picks = [int((offset_s + k * fleet.step_s) // each.step_s) for k in range(steps)]
        return [(float(each.mean[i]), float(low[i]), float(high[i])) for i in picks]
    return []
