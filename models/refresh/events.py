"""What a plan did not foresee: stock that was lost, demand above its forecast, runtimes that did not accept it."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import pandas as pd

from freesh_plugin.core.errors import SourceError
from freesh_plugin.core.plan import Plan
from models.domain.forecast import QuantileForecast
from models.domain.records import AcknowledgementRecord, EventRecord, ForecastRecord
from models.domain.scenario import Endpoint, Scenario
from models.refresh.in_force import running_by
from models.sources.cells import class_history

STOCK_LOST, DEMAND_ABOVE, NOT_ACKNOWLEDGED = "stock_lost", "demand_above", "not_acknowledged"

ALARM_QUANTILE = 0.99
"""Demand above this quantile of its forecast calls for a new plan."""

SUSTAINED = 2
"""So many rows in a row must lie above it: one row of a hundred does by chance."""


_LONGEST_SUBJECT = 400


class Offered(NamedTuple):
    """Whose demand it is, summed over origins."""

    partition: str
    request_class: str
    model: str
    tier: str


def stock_lost(plan: Plan, fleet: Scenario, *, at: datetime) -> Iterator[EventRecord]:
    """Slices of the plan that the fleet no longer has, and machines that have fewer GPUs than the plan uses.

    Windows in which a machine is available are not looked at: the plan was made with them.
    """
    name = f"plan {plan.epoch}.{plan.revision}"
    _, gone = running_by(plan, fleet)
    for slices in gone:
        yield EventRecord(plan.epoch, STOCK_LOST, slices[:_LONGEST_SUBJECT], at, f"Of {name}, {slices}.")
    used = _gpus_used(plan, fleet)
    has = _gpus_of(fleet)
    for (location, machine, gpu_type), count in used.items():
        left = has.get((location, machine, gpu_type), 0)
        if left < count:
            where = f"{location}/{machine}" if machine else location
            reason = f"{where} has {left} {gpu_type} GPUs left of the {count} that {name} uses."
            yield EventRecord(plan.epoch, STOCK_LOST, f"{where} {gpu_type}", at, reason)


def demand_above(
    rows: pd.DataFrame, plan: Plan, forecast: ForecastRecord, fleet: Scenario, *, since: datetime, at: datetime
) -> Iterator[EventRecord]:
    """Classes whose offered load lay above the forecast's 0.99 quantile in each of the last rows.

    Args:
        rows: As `Reading.rows` of traffic, up to now.
        plan: The plan of the slot. Classes of every partition count: the next plan may choose another, and must
            not escape what was measured by that.
        forecast: The demand forecast of the same slot.
        fleet: Boundaries of the partitions, and the length of a step.
        since: Rows that began before are not looked at: the forecast was not made for them, or knew them.
        at: Now, aware UTC.
    """
    for partition, model in dict.fromkeys((each.partition, each.model) for each in fleet.profiles):
        for offered, series in _offered(rows, partition, model, fleet).items():
            last = series[series.index >= pd.Timestamp(since)].iloc[-SUSTAINED:]
            limits = [_limit(offered, forecast, moment.to_pydatetime()) for moment in last.index]
            known = [limit for limit in limits if limit is not None]
            if len(known) == SUSTAINED and bool((last.to_numpy() > known).all()):
                yield _above(offered, last, max(known), plan.epoch, fleet, at)


def not_acknowledged(
    plan: Plan, said: Iterable[AcknowledgementRecord], endpoints: Iterable[Endpoint], *, at: datetime
) -> Iterator[EventRecord]:
    """Runtimes whose last word on the plan was not that they accept it; those it was not for have said nothing."""
    last = {each.endpoint: each for each in said}
    for endpoint in endpoints:
        heard = last.get(endpoint.name)
        if heard is not None and not heard.accepted:
            reason = f"{endpoint.name} did not accept plan {plan.epoch}.{plan.revision}: {heard.reason}"
            yield EventRecord(plan.epoch, NOT_ACKNOWLEDGED, endpoint.name, at, reason)


def _gpus_used(plan: Plan, fleet: Scenario) -> dict[tuple[str, str, str], int]:
    """GPUs by location, machine and type, of the slices that the fleet can still name."""
    used: dict[tuple[str, str, str], int] = {}
    running, _ = running_by(plan, fleet)
    for each in running:
        machine = each.machine if fleet.machines else ""
        for gpu_type, count in fleet.mode(each.mode).gpus.items():
            key = (each.location, machine, gpu_type)
            used[key] = used.get(key, 0) + count * each.instances
    return used


def _gpus_of(fleet: Scenario) -> Mapping[tuple[str, str, str], int]:
    """GPUs that there are; without a table of machines a location is one machine, which has no name here."""
    if not fleet.machines:
        return {(each.name, "", gpu_type): count for each in fleet.locations for gpu_type, count in each.gpus.items()}
    has: dict[tuple[str, str, str], int] = {}
    for each in fleet.machines:
        key = (each.location, each.machine, each.gpu_type)
        has[key] = has.get(key, 0) + each.gpus
    return has


def _offered(rows: pd.DataFrame, partition: str, model: str, fleet: Scenario) -> dict[Offered, "pd.Series[float]"]:
    """Offered load of one model by class, summed over origins; a step that one origin lacks is missing."""
    bounds = next((each for each in fleet.partitions if each.name == partition), None)
    if bounds is None:
        return {}
    try:
        history = class_history(rows[rows["model"] == model], bounds, step_s=fleet.step_s)
    except SourceError:  # nothing was counted, or not in cells that the boundaries divide
        return {}
    sums: dict[Offered, pd.Series[float]] = {}
    for name, series in history.items():
        key = Offered(partition, name.request_class, model, name.tier)
        sums[key] = sums[key] + series if key in sums else series
    return sums


def _limit(offered: Offered, forecast: ForecastRecord, moment: datetime) -> float | None:
    """The alarm's quantile over all origins in the step of that moment, before them in the first; None = unknown."""
    parts = [_alarm(each, moment) for each in forecast.forecasts if _is_of(offered, each)]
    known = [part for part in parts if part is not None]
    return sum(known) if known and len(known) == len(parts) else None


def _is_of(offered: Offered, forecast: QuantileForecast) -> bool:
    return all(forecast.labels.get(key) == value for key, value in offered._asdict().items())


def _alarm(forecast: QuantileForecast, moment: datetime) -> float | None:
    if ALARM_QUANTILE not in forecast.levels:
        return None
    step = int((moment - forecast.starts_at).total_seconds() // forecast.step_s)
    return float(forecast.quantile(ALARM_QUANTILE)[min(max(step, 0), len(forecast.mean) - 1)])


def _above(
    offered: Offered, last: "pd.Series[float]", limit: float, epoch: int, fleet: Scenario, at: datetime
) -> EventRecord:
    end = last.index[-1] + timedelta(seconds=fleet.step_s)
    whose = " ".join(each for each in (offered.model, offered.tier) if each != "default")
    reason = (
        f"Demand of class {offered.request_class}{f' of {whose}' if whose else ''} was up to {last.max():.3g} req/s "
        f"from {last.index[0]:%H:%M} to {end:%H:%M} UTC, above the 0.99 quantile of its forecast, {limit:.3g} req/s."
    )
    return EventRecord(
        epoch, DEMAND_ABOVE, " ".join(offered), at, reason, offered._asdict(), round(float(last.max()), 4)
    )
