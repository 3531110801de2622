"""What an evaluation says, from its runs: comparisons over all hours and by kind of grids, and the gap closed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from models.evaluate.outcome_rows import BoundRow, Comparison, GapClosed, HourRow, Summary
from models.evaluate.paired import ALL, LEDGERS, compare, gap_closed
from models.simulator.run_scores import RunScores

REFERENCE, FREESH = "reference", "freesh"
OTHERS = (
    "reference", "best_static_clock", "reactive_autoscaler", "cleanest_autoscaler", "rightsized_min_energy",
    "dynamollm_like",
)  # fmt: skip
"""Baselines that are not FREESH with a part left out."""

BASELINES = (*OTHERS, "previous_plan_held", "one_mixed_pool", "carbon_agnostic_freesh", "freesh_constant_carbon")
"""Among which the strongest is looked for: all but the one that knows what comes."""


@dataclass(frozen=True)
class Provenance:
    """How an evaluation was made: what `Summary` says of it.

    Attributes:
        command: As typed.
        version: Of the project.
        made_at: ISO 8601, UTC.
        inputs: Name to SHA-256 of each file that was read.
        notes: Limits that only this evaluation has.
    """

    command: str
    version: str
    made_at: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def summary_of(
    runs: Sequence[RunScores],
    policies: Mapping[str, str],
    hours: Sequence[HourRow],
    made: Provenance,
    bounds: Sequence[BoundRow] = (),
) -> Summary:
    """Sum up.

    Args:
        runs: Of all policies and hours.
        policies: Name to what it is, in the order of tables.
        hours: Those that were run.
        made: How.
        bounds: Of those hours that have one.
    """
    kinds = (ALL, *dict.fromkeys(each.scenario for each in runs))
    compared = [compare(runs, name, REFERENCE, kind) for kind in kinds for name in policies]
    comparisons = tuple(each for each in compared if each is not None)
    return Summary(
        command=made.command,
        version=made.version,
        made_at=made.made_at,
        inputs=made.inputs,
        fleet=_all_of(each.fleet for each in hours),
        workload=_all_of(each.source for each in hours),
        carbon=_all_of(each.carbon for each in hours),
        prices=_prices(hours),
        power=_all_of(each.power for each in hours),
        reference=REFERENCE,
        freesh=FREESH,
        policies=policies,
        hours=tuple(hours),
        seeds=tuple(sorted({each.seed for each in runs})),
        comparisons=comparisons,
        gaps=_gaps(runs, comparisons, bounds),
        notes=(*dict.fromkeys(note for each in hours for note in each.notes), *made.notes),
    )


def _gaps(
    runs: Sequence[RunScores], compared: Sequence[Comparison], bounds: Sequence[BoundRow]
) -> tuple[GapClosed, ...]:
    """Of each ledger, against the strongest of all baselines, and of the others where that is another one."""
    found: dict[tuple[str, str], GapClosed] = {}
    for outside in (False, True):
        for ledger in LEDGERS:
            baselines = OTHERS if outside else BASELINES
            closed = gap_closed(ledger, runs, compared, baselines, FREESH, bounds, outside=outside)
            if closed is not None:
                found.setdefault((ledger, closed.strongest), closed)
    return tuple(found.values())


def _all_of(texts: Iterable[str]) -> str:
    """Each text once."""
    return ". ".join(dict.fromkeys(filter(None, texts)))


def _prices(hours: Sequence[HourRow]) -> str:
    known = sum(each.priced == len(each.grid_zones) for each in hours)
    if not known:
        return "Not known in any hour."
    return f"Day-ahead prices, known at all locations in {known} of {len(hours)} hours."
