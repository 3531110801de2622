"""A folder of results: tables, summary and report, from the rows of runs."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from freesh_plugin.core.errors import ConfigError
from models.evaluate.outcome_rows import BoundRow, HourRow, LayerRow
from models.evaluate.policies import POLICIES
from models.evaluate.report.results import Results, write_results
from models.evaluate.report.tradeoff_rows import TradeoffRow
from models.evaluate.report.write import write_report
from models.evaluate.summary import FREESH, REFERENCE, Provenance, summary_of
from models.simulator.run_scores import ClassScores, RunScores, SeriesRow


@dataclass(frozen=True)
class Found:
    """All rows of an evaluation."""

    scores: Sequence[RunScores]
    classes: Sequence[ClassScores]
    series: Sequence[SeriesRow]
    hours: Sequence[HourRow]
    tradeoff: Sequence[TradeoffRow]
    layers: Sequence[LayerRow] = ()
    bounds: Sequence[BoundRow] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)


def made_folder(folder: Path) -> Path:
    """A folder that can be written into.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make folder {folder}: {error.strerror}") from error
    return folder


def check_reported(policies: Sequence[str]) -> None:
    """Refuse, before any work is done, policies of which no report can be made.

    Raises:
        ConfigError: the reference or FREESH is not among them.
    """
    for name in (REFERENCE, FREESH):
        if name not in policies:
            raise ConfigError(f"--policy: a report compares {REFERENCE!r} and {FREESH!r}; {name!r} is not among them")


def write_folder(folder: Path, found: Found) -> Path:
    """Write tables and summary, and the report of them; its path.

    Raises:
        ResultsError: a file cannot be written.
    """
    ran = {each.policy for each in found.scores}
    made = Provenance(
        command=f"python -m models {' '.join(sys.argv[1:])}",
        version=version("freesh-plugin"),
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        inputs=found.inputs,
    )
    says = {name: policy.says for name, policy in POLICIES.items() if name in ran}
    results = Results(
        runs=tuple(found.scores),
        classes=tuple(found.classes),
        series=tuple(found.series),
        layers=tuple(found.layers),
        summary=summary_of(found.scores, says, found.hours, made, found.bounds),
        tradeoff=tuple(found.tradeoff),
        bounds=tuple(found.bounds),
    )
    write_results(folder, results)
    return write_report(folder)
