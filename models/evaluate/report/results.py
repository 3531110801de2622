"""A folder of results: what an evaluation wrote, read back for the page."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from models.evaluate.outcome_rows import BoundRow, Comparison, LayerRow, Summary
from models.evaluate.report.summary_file import read_summary, write_summary
from models.evaluate.report.tables import ResultsError, Row, read_rows, write_rows
from models.evaluate.report.tradeoff_rows import TradeoffRow
from models.simulator.run_scores import ClassScores, RunScores, SeriesRow

RUNS, CLASSES, SERIES, LAYERS = "runs.csv", "classes.csv", "series.csv", "layers.csv"
BOUNDS, TRADEOFF, SUMMARY = "bounds.csv", "tradeoff.csv", "summary.json"
ALL = "all"
"""Kind of grids in a comparison over every hour."""


@dataclass(frozen=True)
class Results:
    """Everything that a page is made of."""

    runs: tuple[RunScores, ...]
    classes: tuple[ClassScores, ...]
    series: tuple[SeriesRow, ...]
    layers: tuple[LayerRow, ...]
    summary: Summary
    tradeoff: tuple[TradeoffRow, ...] = field(default=())
    bounds: tuple[BoundRow, ...] = field(default=())

    @property
    def policies(self) -> list[str]:
        """Those that were run, in the order of the summary."""
        ran = {each.policy for each in self.runs}
        return [name for name in self.summary.policies if name in ran]

    @property
    def scenarios(self) -> list[str]:
        """Kinds of grids, in the order of the hours."""
        return list(dict.fromkeys(each.scenario for each in self.runs))

    def comparison(self, policy: str, scenario: str = ALL) -> Comparison | None:
        """How a policy compares with the reference."""
        found = (each for each in self.summary.comparisons if (each.policy, each.scenario) == (policy, scenario))
        return next(found, None)


def write_results(folder: Path, results: Results) -> None:
    """Write all files of a folder of results.

    Raises:
        ResultsError: one cannot be written.
    """
    write_rows(folder / RUNS, RunScores, results.runs)
    write_rows(folder / CLASSES, ClassScores, results.classes)
    write_rows(folder / SERIES, SeriesRow, results.series)
    write_rows(folder / LAYERS, LayerRow, results.layers)
    write_rows(folder / BOUNDS, BoundRow, results.bounds)
    write_rows(folder / TRADEOFF, TradeoffRow, results.tradeoff)
    write_summary(folder / SUMMARY, results.summary)


def read_results(folder: Path) -> Results:
    """Read a folder of results; series, layers, bounds and trade-off may be missing.

    Raises:
        ResultsError: a file is missing or wrong, or there is no run, or none of the policy that is reported on.
    """
    results = Results(
        runs=tuple(read_rows(folder / RUNS, RunScores)),
        classes=tuple(read_rows(folder / CLASSES, ClassScores)),
        series=_if_there(folder / SERIES, SeriesRow),
        layers=_if_there(folder / LAYERS, LayerRow),
        summary=read_summary(folder / SUMMARY),
        tradeoff=_if_there(folder / TRADEOFF, TradeoffRow),
        bounds=_if_there(folder / BOUNDS, BoundRow),
    )
    _check(folder, results)
    return results


def _if_there(path: Path, kind: type[Row]) -> tuple[Row, ...]:
    return tuple(read_rows(path, kind)) if path.exists() else ()


def _check(folder: Path, results: Results) -> None:
    if not results.runs:
        raise ResultsError(f"{folder / RUNS}: no run")
    for policy in (results.summary.reference, results.summary.freesh):
        if policy not in {each.policy for each in results.runs}:
            raise ResultsError(f"{folder / RUNS}: no run of policy {policy!r}, which the report is about")
    unnamed = _others({each.policy for each in results.runs}, results.summary.policies)
    if unnamed:
        raise ResultsError(f"{folder / SUMMARY}: policies: {', '.join(unnamed)} of {RUNS} not among them")


def _others(these: Iterable[str], those: Iterable[str]) -> list[str]:
    known = set(those)
    return sorted(each for each in these if each not in known)
