"""Demand of request classes: of each model in each partition that it is profiled in, from cells or from totals."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import pandas as pd

from freesh_plugin.core.errors import ForecastError, SourceError
from freesh_plugin.core.request import Partition
from models.domain.forecast import QuantileForecast
from models.domain.lengths import RequestLength
from models.domain.scenario import Scenario
from models.forecast import Shares, forecast_by_shares, forecast_many, forecast_shares
from models.refresh.forecasts import DEMAND_QUANTILE, rounded
from models.refresh.slot import Slot
from models.sources.cells import WHOLE, ClassSeries, class_history

LEVELS = (0.5, DEMAND_QUANTILE, 0.99)
"""The median, what capacity is planned for, and what calls for a new plan."""

EVERYTHING = Partition("all", ("all",), (), ())
"""One class of all requests: what a total is of."""

Lengths = Mapping[str, tuple[RequestLength, ...]]


@dataclasses.dataclass(frozen=True)
class ClassDemand:
    """Forecasts of classes; `notes` says in sentences what could not be told, was assumed or has changed."""

    forecasts: tuple[QuantileForecast, ...]
    notes: tuple[str, ...]


def class_demand(rows: pd.DataFrame, slot: Slot, fleet: Scenario, lengths: Lengths, cut_off: datetime) -> ClassDemand:
    """Forecast every class of every partition, for the models that are profiled in it, by origin and tier.

    Args:
        rows: As `Reading.rows` of traffic, at least one.
        slot: What is forecast.
        fleet: Its partitions, models and profiles.
        lengths: Lengths of requests by model: they divide totals, of which no cells are known.
        cut_off: Moment of issue, aware UTC.
    """
    pairs = dict.fromkeys((each.partition, each.model) for each in fleet.profiles)
    forecasts: list[QuantileForecast] = []
    notes = list(_strangers(rows, fleet))
    for partition in fleet.partitions:
        for model in (model for name, model in pairs if name == partition.name):
            try:
                own = _of_pair(rows, model, partition, slot, fleet, lengths, cut_off)
            except (SourceError, ForecastError) as error:
                notes.append(f"partition {partition.name}{_of(model, fleet)}: {error}")
                continue
            notes += _worth_saying(own)
            forecasts += own
    return ClassDemand(tuple(forecasts), tuple(dict.fromkeys(notes)))


def _of_pair(
    rows: pd.DataFrame,
    model: str,
    partition: Partition,
    slot: Slot,
    fleet: Scenario,
    lengths: Lengths,
    cut_off: datetime,
) -> list[QuantileForecast]:
    """Forecasts of one model's classes in one partition, rounded and labelled."""
    own = rows["model"] == model
    if not own.any():
        raise SourceError("no row of traffic is of this model")
    totals = _are_totals(rows[own]) and len(partition.classes) > 1
    # Steps in which anything was counted are known for every model: none of its own is 0, not missing.
    history = class_history(rows[own] if totals else rows, EVERYTHING if totals else partition, step_s=fleet.step_s)
    mine = {name: series for name, series in history.items() if name.model == model}
    told = forecast_many(
        mine,
        issued_at=cut_off,
        starts_at=slot.starts_at,
        intervals=fleet.steps,
        step_s=fleet.step_s,
        levels=LEVELS,
        joint_over=lambda name: (name.tier, name.request_class),
        total_of=lambda name: name.tier,
        name=lambda name: " ".join((partition.name, *name)),
    )
    if totals:
        told = _divided(told, _shares(partition, lengths.get(model, ()), cut_off))
    return [_labelled(forecast, partition, name) for name, forecast in told.items()]


def _labelled(forecast: QuantileForecast, partition: Partition, name: ClassSeries) -> QuantileForecast:
    labels = {**forecast.labels, "partition": partition.name, **name._asdict()}
    series = " ".join((partition.name, *name))
    return rounded(dataclasses.replace(forecast, series=series, labels=labels), "demand")


def _are_totals(rows: pd.DataFrame) -> bool:
    return bool((rows[["prompt_cell", "answer_cell"]] == WHOLE).to_numpy().all())


def _divided(told: Mapping[ClassSeries, QuantileForecast], shares: Shares) -> dict[ClassSeries, QuantileForecast]:
    return {
        name._replace(request_class=request_class): part
        for name, total in told.items()
        for request_class, part in forecast_by_shares(total, shares).items()
    }


def _shares(partition: Partition, sample: Iterable[RequestLength], cut_off: datetime) -> Shares:
    """Shares of the classes in a sample of lengths: assumed, since nobody says when it was drawn.

    Raises:
        SourceError: there is no sample.
    """
    lengths = list(sample)
    total = sum(each.weight for each in lengths)
    if not total:
        raise SourceError("traffic is known in total alone, and no lengths.csv of the fleet says how it divides")
    # Weights that are shares, not counts, say how lengths divide; how many they rest on is then the number of rows.
    counted = max(1.0, len(lengths) / total)
    counts = dict.fromkeys(partition.classes, 0.0)
    for each in lengths:
        counts[partition.classify(each.prompt_tokens, each.answer_tokens)] += each.weight * counted
    frame = pd.DataFrame([counts], index=pd.DatetimeIndex([cut_off - timedelta(seconds=1)]))
    shares = forecast_shares(frame, issued_at=cut_off, measured_within_s=0.0)
    note = f"assumed: traffic is known in total alone and divided as the {len(lengths)} rows of lengths.csv are"
    return dataclasses.replace(shares, assumed=True, note=note)


def _worth_saying(forecasts: Iterable[QuantileForecast]) -> Iterator[str]:
    """What a reader of the plan should know of its forecasts: drift, and what is assumed."""
    for each in forecasts:
        for sentence in each.note.split("; "):
            if sentence.startswith("drift:"):
                yield f"{each.series}: {sentence}"
            elif sentence.startswith("assumed:"):
                yield sentence


def _strangers(rows: pd.DataFrame, fleet: Scenario) -> Iterator[str]:
    """Demand that no plan can serve, since the fleet does not name its model or tier."""
    for column, known in (("model", set(fleet.models)), ("tier", {each.name for each in fleet.tiers})):
        unknown = sorted(set(rows[column].unique()) - known)
        if unknown:
            yield f"the fleet names no {column} {', '.join(map(repr, unknown))}: that demand is left out"


def _of(model: str, fleet: Scenario) -> str:
    return f" of {model}" if len(fleet.models) > 1 else ""
