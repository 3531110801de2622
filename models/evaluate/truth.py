"""What came true: carbon by zone, demand by stream; and over an epoch, as steps of any length."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from freesh_plugin.core.errors import ForecastError, ScenarioError
from freesh_plugin.core.units import STEP_S
from models.domain.scenario import Scenario
from models.evaluate.epoch import Epoch
from models.forecast.grid import Grid


@dataclass(frozen=True)
class Part:
    """A share of a demand series that belongs to one row of the scenario's demand."""

    partition: str
    request_class: str
    model: str
    origin: str
    tier: str
    share: float


@dataclass(frozen=True)
class Truth:
    """The series that came true.

    Attributes:
        carbon: g/kWh by grid zone.
        demand: Offered requests, req/s, by name of the series.
        parts: How each demand series splits into the scenario's streams; shares add up to 1 per partition.
        mix_assumed: The split is the scenario's own mix, held constant, because only totals are known.
    """

    carbon: Mapping[str, Grid]
    demand: Mapping[str, Grid]
    parts: Mapping[str, tuple[Part, ...]]
    mix_assumed: bool

    def known(self, epoch: Epoch) -> np.ndarray:
        """In which slots of the epoch all series are known; shape (slot,)."""
        grids = (*self.carbon.values(), *self.demand.values())
        known: np.ndarray = np.all([np.isfinite(over(grid, epoch, self.slot_s)) for grid in grids], axis=0)
        return known

    @property
    def slot_s(self) -> int:
        """Length of the slots that are accounted, seconds: a step, or a row where rows are finer."""
        return min(STEP_S, *(grid.step_s for grid in (*self.carbon.values(), *self.demand.values())))


def truth_of(fleet: Scenario, carbon: Sequence[Grid], demand: Sequence[Grid]) -> Truth:
    """The truth for a fleet.

    Args:
        fleet: Its locations name their grid zones; its demand gives the mix where `demand` knows totals only.
        carbon: Zones by name; those that no location is in are left out.
        demand: One series of totals, or one series for each `partition/class` of the fleet.

    Raises:
        ScenarioError: a location without a zone, or nothing to take the mix from.
        ForecastError: a zone or a class has no series, or a series is of no class.
    """
    zones = {grid.series: grid for grid in carbon}
    for each in fleet.locations:
        if each.grid_zone is None:
            raise ScenarioError(f"location {each.name!r} has no grid_zone: its carbon series is not known")
        if each.grid_zone not in zones:
            raise ForecastError(
                f"zone {each.grid_zone!r} of location {each.name!r} is not among the carbon series: "
                f"{', '.join(sorted(zones))}"
            )
    used = {each.grid_zone for each in fleet.locations}
    streams = _mix(fleet)
    series = {grid.series: grid for grid in demand}
    parts = _whole_mix(series, streams) if len(series) == 1 else _by_class(series, streams)
    return Truth({name: grid for name, grid in zones.items() if name in used}, series, parts, len(series) == 1)


def over(grid: Grid, epoch: Epoch, step_s: int) -> np.ndarray:
    """Means of a series over the epoch in steps of `step_s`, NaN where a row is missing; shape (step,)."""
    means: np.ndarray = _rows_over(grid, epoch.starts_at, epoch.length_s, step_s).mean(axis=1)
    return means


def over_without_holes(grid: Grid, epoch: Epoch) -> np.ndarray:
    """The rows of a series over the epoch, or its steps where those are finer; shape (row,).

    What is not known takes the value between its neighbours: a plan needs a number, and nobody scores it.
    """
    values = over(grid, epoch, min(grid.step_s, epoch.step_s))
    known, rows = np.isfinite(values), np.arange(len(values))
    filled: np.ndarray = np.interp(rows, rows[known], values[known]) if known.any() else values
    return filled


def _rows_over(grid: Grid, start: datetime, length_s: int, step_s: int) -> np.ndarray:
    """Rows by step; steps finer than rows repeat theirs. Shape (step, row of the step).

    Raises:
        ForecastError: neither rows make steps nor steps make rows.
    """
    coarse, fine = max(step_s, grid.step_s), min(step_s, grid.step_s)
    if coarse % fine:
        raise ForecastError(f"series {grid.series}: rows of {grid.step_s} s and steps of {step_s} s do not divide")
    offset_s = (start - grid.start).total_seconds()
    rows = ((offset_s + fine * np.arange(length_s // fine)) // grid.step_s).astype(int)
    values = np.append(grid.values, np.nan)
    known = np.where((rows < 0) | (rows >= grid.rows), grid.rows, rows)
    picked: np.ndarray = values[known].reshape(length_s // step_s, step_s // fine)
    return picked


def _mix(fleet: Scenario) -> dict[tuple[str, str, str, str, str], float]:
    """Mean demand over the steps by partition, class, model, origin and tier, req/s."""
    rates: defaultdict[tuple[str, str, str, str, str], float] = defaultdict(float)
    for row in fleet.demand:
        mean_rps = row.demand_rps if row.mean_rps is None else row.mean_rps
        rates[row.partition, row.request_class, row.model, row.origin, row.tier] += mean_rps / fleet.steps
    if not any(rates.values()):
        raise ScenarioError("demand.csv holds no demand: the mix of classes is taken from it")
    return dict(rates)


def _whole_mix(
    series: Mapping[str, Grid], streams: Mapping[tuple[str, str, str, str, str], float]
) -> dict[str, tuple[Part, ...]]:
    """The one series split over all streams; each model has the same share of it in any of its partitions."""
    by_partition: defaultdict[tuple[str, str], float] = defaultdict(float)
    for (partition, _, model, _, _), rate in streams.items():
        by_partition[model, partition] += rate
    by_model: defaultdict[str, list[float]] = defaultdict(list)
    for (model, _), rate in by_partition.items():
        by_model[model].append(rate)
    sizes = {model: sum(rates) / len(rates) for model, rates in by_model.items()}
    parts = []
    for (partition, request_class, model, origin, tier), rate in streams.items():
        within = rate / by_partition[model, partition] if by_partition[model, partition] else 0.0
        share = within * sizes[model] / sum(sizes.values())
        parts.append(Part(partition, request_class, model, origin, tier, share))
    return {next(iter(series)): tuple(parts)}


def _by_class(
    series: Mapping[str, Grid], streams: Mapping[tuple[str, str, str, str, str], float]
) -> dict[str, tuple[Part, ...]]:
    """Each series split over the models, origins and tiers of its own `partition/class`."""
    classes: defaultdict[str, list[tuple[tuple[str, str, str, str, str], float]]] = defaultdict(list)
    for stream, rate in streams.items():
        classes[f"{stream[0]}/{stream[1]}"].append((stream, rate))
    if set(classes) != set(series):
        raise ForecastError(
            f"demand series must be one of totals, or one for each of {', '.join(sorted(classes))}; "
            f"they are {', '.join(sorted(series))}"
        )
    return {
        name: tuple(Part(*stream, share=rate / sum(r for _, r in rows)) for stream, rate in rows if rate)
        for name, rows in classes.items()
    }
