"""Two places to serve one class, and series that came true, small enough to book by hand."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from freesh_plugin.core.plan import Plan
from models.allocation.to_plan import to_plan
from models.domain.allocation import AllocationResult, Flow, InstanceCount, Outcome
from models.domain.scenario import Scenario
from models.evaluate.epoch import Epoch
from models.evaluate.truth import Truth, truth_of
from models.forecast.grid import Grid
from tests.fakes.fleet_scenarios import tiny

START = datetime(2024, 3, 4, 12, tzinfo=UTC)
"""A noon; every series starts a week before."""

HISTORY = timedelta(days=7)


def fleet(**changes: Any) -> Scenario:
    """`tiny` in 300 s steps of half an hour, `here` in zone H and `there` in zone T."""
    scenario = tiny(demand_rps=(4.0,) * 6)
    locations = tuple(
        dataclasses.replace(each, **({"grid_zone": each.name[0].upper()} | changes.get(each.name, {})))
        for each in scenario.locations
    )
    rest = {key: value for key, value in changes.items() if key not in ("here", "there")}
    return dataclasses.replace(scenario, locations=locations, **rest)


def series(name: str, values: Sequence[float], step_s: int, before: float = 100.0) -> Grid:
    """A week of `before`, then the values from START on."""
    past = int(HISTORY.total_seconds()) // step_s
    rows = np.concatenate([np.full(past, before), np.asarray(values, dtype=float)])
    return Grid(name, pd.Timestamp(START - HISTORY), step_s, rows, np.empty((len(rows), 0)))


def truth(
    scenario: Scenario, carbon: Mapping[str, Sequence[float]], demand: Sequence[float], before_rps: float = 3.0
) -> Truth:
    """Hourly carbon by zone and ten-minute totals of demand from START on."""
    return truth_of(
        scenario,
        [series(zone, values, 3_600) for zone, values in carbon.items()],
        [series("total", demand, 600, before_rps)],
    )


def epoch(number: int = 0, steps: int = 6, step_s: int = 300) -> Epoch:
    """The n-th epoch from START, issued ten minutes before."""
    starts_at = START + timedelta(seconds=number * steps * step_s)
    return Epoch(starts_at - timedelta(minutes=10), starts_at, steps, step_s)


def plan(scenario: Scenario, here: int, there: int, share_here: float | None = None) -> Plan:
    """A published plan with so many instances in each place; routes as its flows, by capacity without them."""
    counts = {"here": here, "there": there}
    flows = () if share_here is None else (
        Flow("here", "R", "TP2", 0, share_here), Flow("there", "R", "TP2", 0, 1 - share_here),
    )  # fmt: skip
    result = AllocationResult(
        Outcome.OPTIMAL, 0.0, 0.0, 0.0, {"default": "q"},
        tuple(InstanceCount(n, "default", "R", "TP2", count) for n, count in counts.items() if count), flows,
    )  # fmt: skip
    return to_plan(scenario, result, epoch=epoch().slot, revision=1, mode="advise")
