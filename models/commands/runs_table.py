"""Runs of policies side by side, as a table for a terminal of 80 columns and as plain JSON rows."""

from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from models.evaluate.report.names import words
from models.evaluate.report.totals import Totals, totals
from models.simulator.run_scores import RunScores

CAPTION = (
    "simulated, power modelled; kg: average intensity; %: against the first row, marg: of marginal carbon; SLO: % "
    "of requests within their class's bounds; stall: p99, s; lost: shed or refused, %"
)


def as_rows(runs: Sequence[RunScores]) -> list[dict[str, Any]]:
    """Rows as JSON has them: what is no number is null."""
    return [
        {
            name: None if isinstance(value, float) and not isfinite(value) else value
            for name, value in asdict(run).items()
        }
        for run in runs
    ]


def runs_table(title: str, runs: Sequence[RunScores]) -> Table:
    """A row a policy: sums over hours."""
    table = Table(title=title, caption=CAPTION, box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False)
    table.add_column("policy", max_width=16)
    for name in ("kWh", "%", "kg", "%", "marg", "SLO", "stall", "Jain", "lost"):
        table.add_column(name, justify="right", no_wrap=True)
    by_policy: dict[str, list[RunScores]] = {}
    for each in runs:
        by_policy.setdefault(each.policy, []).append(each)
    rows = [totals(name, own) for name, own in by_policy.items()]
    for row in rows:
        table.add_row(words(row.policy), *_cells(row, rows[0]))
    return table


def _cells(of: Totals, first: Totals) -> list[str]:
    return [
        _short(of.energy_kwh),
        _less(of.energy_kwh, first.energy_kwh),
        _short(of.carbon_kg),
        _less(of.carbon_kg, first.carbon_kg),
        _less(of.carbon_marginal_kg, first.carbon_marginal_kg),
        f"{100 * of.slo_attainment:.2f}",
        f"{of.p99_stall_s:.1f}",
        f"{of.fairness_jain:.3f}",
        f"{100 * of.lost_share:.2f}",
    ]


def _short(amount: float | None) -> str:
    return (
        "-"
        if amount is None
        else f"{amount:.2f}"
        if abs(amount) < 10
        else f"{amount:.1f}"
        if abs(amount) < 100
        else f"{amount:.0f}"
    )


def _less(amount: float | None, first: float | None) -> str:
    if amount is None or not first or amount == first:
        return ""
    return f"{100 * (amount / first - 1):+.1f}"
