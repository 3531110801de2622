"""What an evaluation says, from its runs: comparisons over all hours and by kind of grids, and the gap closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.evaluate.hours import Hour
from models.evaluate.outcome_rows import HourRow, Summary
from models.evaluate.paired import ALL, compare, gap_closed
from models.simulator.run_scores import RunScores

REFERENCE, FREESH, BOUND = "reference", "freesh", "bound"
BASELINES = (
    "reference", "best_static_clock", "previous_plan_held", "one_mixed_pool", "reactive_autoscaler",
    "cleanest_autoscaler", "rightsized_min_energy", "carbon_agnostic_freesh", "dynamollm_like",
)  # fmt: skip
"""Among which the strongest is looked for; what is FREESH but for its forecasts is not."""


@dataclass(frozen=True)
class Provenance:
    """How an evaluation was made: what `Summary` says of it.

    Attributes:
        command: As typed.
        version: Of the project.
        made_at: ISO 8601, UTC.
        inputs: Name to SHA-256 of each file that was read.
        fleet, workload, carbon, prices, power: What each is, in words.
        notes: Limits that only this evaluation has.
    """

    command: str
    version: str
    made_at: str
    fleet: str
    workload: str
    carbon: str
    prices: str
    power: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def summary_of(
    runs: Sequence[RunScores], policies: Mapping[str, str], hours: Sequence[Hour], made: Provenance
) -> Summary:
    """Sum up.

    Args:
        runs: Of all policies and hours.
        policies: Name to what it is, in the order of tables.
        hours: Those that were run.
        made: How.
    """
    kinds = (ALL, *dict.fromkeys(each.scenario for each in runs))
    compared = [compare(runs, name, REFERENCE, kind) for kind in kinds for name in policies]
    comparisons = tuple(each for each in compared if each is not None)
    return Summary(
        command=made.command,
        version=made.version,
        made_at=made.made_at,
        inputs=made.inputs,
        fleet=made.fleet,
        workload=made.workload,
        carbon=made.carbon,
        prices=made.prices,
        power=made.power,
        reference=REFERENCE,
        freesh=FREESH,
        policies=policies,
        hours=tuple(_hour_row(each) for each in hours),
        seeds=tuple(sorted({each.seed for each in runs})),
        comparisons=comparisons,
        gap_closed=gap_closed(runs, comparisons, BASELINES, FREESH, BOUND),
        notes=made.notes,
    )


def _hour_row(hour: Hour) -> HourRow:
    return HourRow(hour.name, hour.kind.value, f"{hour.start:%Y-%m-%d %H:%M}", hour.traffic, hour.zones)
