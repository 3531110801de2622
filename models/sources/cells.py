"""Demand of request classes as sums of cells: history under any partition, counted once."""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import SourceError
from freesh_plugin.core.request import Partition, interval, parse_cell_label
from models.sources.rows import DEMAND, interval_of

WHOLE = "0-inf"
"""Cell of all lengths: both cells of a row are that where only totals are known."""

_LABELS = ["model", "origin", "tier"]


class ClassSeries(NamedTuple):
    """Whose demand a series is."""

    request_class: str
    model: str
    origin: str
    tier: str


def class_history(
    rows: pd.DataFrame, partition: Partition, *, step_s: int | None = None
) -> dict[ClassSeries, pd.Series]:
    """Demand in req/s by class of the partition, for each model, origin and tier in the rows.

    Each series has every step from the first row to the last (index: start of the step, aware UTC). A step without
    any row is NaN: nothing was counted. So is a step with a cell that reaches over a boundary of the partition (the
    cells of a time before the boundary was there): its demand is known, but not how it divides. In any other step a
    cell without a row counts as 0, since others were counted.

    Args:
        rows: As `Reading.rows` of traffic.
        partition: Its boundaries must be known.
        step_s: Length of a step, seconds; None = the smallest distance of two rows. Finer rows are averaged over the
            step, which is missing unless all of it was counted; rows of longer intervals leave gaps.

    Raises:
        SourceError: the partition has an unknown boundary, no row, or no step whose cells the boundaries divide; the
            rows' interval does not divide the step.
    """
    if partition.prompt_tokens is None or partition.answer_tokens is None:
        raise SourceError(f"partition {partition.name!r} has an unknown boundary: cells cannot be summed into classes")
    if rows.empty:
        raise SourceError("no row of traffic to sum into classes")
    step, finer = _steps(rows["time"], step_s)
    steps = pd.date_range(rows["time"].min(), rows["time"].max(), freq=step / finer, name="time")
    classes = _classes(rows, partition)
    straddling = rows.loc[classes.isna()]
    counted = rows.loc[~rows["time"].isin(straddling["time"]), "time"]
    if counted.empty:
        first = straddling.iloc[0]
        raise SourceError(
            f"cell {first['prompt_cell']} x {first['answer_cell']} reaches over a boundary of {partition.name!r}"
            f" (prompt {list(partition.prompt_tokens)}, answer {list(partition.answer_tokens)} tokens)"
        )
    known = steps.isin(counted)
    sums = rows.assign(request_class=classes).groupby([*_LABELS, "request_class", "time"])[DEMAND].sum()
    groups = rows[_LABELS].drop_duplicates().sort_values(_LABELS).itertuples(index=False, name=None)
    return {
        ClassSeries(name, *labels): _averaged(_series(sums, (*labels, name), steps, known), step, finer)
        for labels in groups
        for name in partition.classes
    }


def _steps(times: pd.Series, step_s: int | None) -> tuple[timedelta, int]:
    """Length of a step, and how many of the rows' intervals it holds."""
    own = interval_of(times)
    step = timedelta(seconds=step_s) if step_s else own
    if not step:
        raise SourceError("all rows of traffic have the same time: the length of a step is unknown")
    if not own or own >= step:
        return step, 1
    if step % own:
        raise SourceError(f"rows of traffic every {own.total_seconds():g} s do not divide a step of {step_s} s")
    return step, step // own


def _averaged(series: pd.Series, step: timedelta, finer: int) -> pd.Series:
    """Means over steps of the clock; missing where one of the `finer` values is."""
    if finer == 1:
        return series
    return series.resample(step, origin="epoch").sum(min_count=finer) / finer


def _series(sums: pd.Series, labels: tuple[str, ...], steps: pd.DatetimeIndex, known: np.ndarray) -> pd.Series:
    try:
        found = sums.loc[labels]
    except KeyError:
        found = pd.Series(dtype=float)
    series = found.reindex(steps).fillna(0.0) if len(found) else pd.Series(0.0, index=steps)
    return series.where(known).rename(DEMAND)


def _classes(rows: pd.DataFrame, partition: Partition) -> pd.Series:
    """Class of each row's cell; missing where the cell reaches over a boundary."""
    pairs = rows[["prompt_cell", "answer_cell"]].drop_duplicates()
    names: Mapping[tuple[str, str], str | None] = {
        (prompt, answer): _class_of(partition, prompt, answer)
        for prompt, answer in pairs.itertuples(index=False, name=None)
    }
    keys = zip(rows["prompt_cell"], rows["answer_cell"], strict=True)
    return pd.Series([names[key] for key in keys], index=rows.index, dtype="object")


def _class_of(partition: Partition, prompt_cell: str, answer_cell: str) -> str | None:
    prompt, answer = parse_cell_label(prompt_cell), parse_cell_label(answer_cell)
    for boundaries, (low, high) in ((partition.prompt_tokens or (), prompt), (partition.answer_tokens or (), answer)):
        if interval(boundaries, low) != interval(boundaries, np.nextafter(high, -np.inf)):
            return None
    return partition.classify(prompt[0], answer[0])
