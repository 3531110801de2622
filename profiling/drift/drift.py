"""How far measured energy and capacity have gone from what a profile says, and whether to calibrate anew."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile import TokenProfile
from profiling.sweep.cell import Work
from profiling.sweep.measured_row import MeasuredRow

LEAST_CELLS = 3
"""Fewer comparisons than that say nothing."""


@dataclass(frozen=True)
class Bounds:
    """How far the median may be off, as shares."""

    energy: float = 0.15
    capacity: float = 0.10


@dataclass(frozen=True)
class Compared:
    """One cell: measured over planned, less 1; None where not measured.

    Attributes:
        row: What was measured.
        energy: Of joules per token.
        capacity: Of tokens per second.
    """

    row: MeasuredRow
    energy: float | None
    capacity: float


@dataclass(frozen=True)
class Verdict:
    """The median of one quantity in one kind of work.

    Attributes:
        work: Prefill or decode.
        quantity: `energy` or `capacity`.
        off: Median of measured over planned, less 1; None of too few cells.
        cells: How many.
        bound: How far it may be off.
    """

    work: Work
    quantity: str
    off: float | None
    cells: int
    bound: float

    @property
    def drifted(self) -> bool:
        """Whether it is beyond its bound."""
        return self.off is not None and abs(self.off) > self.bound

    @property
    def sentence(self) -> str:
        """For people."""
        what = f"{self.work} {self.quantity}"
        if self.off is None:
            return f"{what}: {self.cells} cells can be compared, at least {LEAST_CELLS} are needed"
        side = "above" if self.off >= 0 else "below"
        where = "beyond" if self.drifted else "within"
        return (
            f"{what}: {abs(self.off):.1%} {side} plan (median of {self.cells}), {where} the bound of {self.bound:.0%}"
        )


def compare(profile: TokenProfile, rows: Iterable[MeasuredRow]) -> tuple[Compared, ...]:
    """Each cell against the profile at its own clock, batch and context.

    Left out are cells that it does not cover, and those that ran at another clock than the one to hold.
    """
    compared = []
    for row in rows:
        if row.cell.work is Work.IDLE or row.clock_is_off or not row.taken.time_s:
            continue
        try:
            planned_s, planned_w = _planned(profile, row)
        except ProfileError:
            continue
        measured_j = None if row.taken.power_w is None else row.taken.power_w * row.taken.time_s
        energy = None if measured_j is None else measured_j / (planned_w * planned_s) - 1
        compared.append(Compared(row, energy, planned_s / row.taken.time_s - 1))
    return tuple(compared)


def judge(compared: Sequence[Compared], bounds: Bounds) -> tuple[Verdict, ...]:
    """A verdict for each kind of work and each quantity."""
    verdicts = []
    for work in (Work.PREFILL, Work.DECODE):
        own = [each for each in compared if each.row.cell.work is work]
        energies = [each.energy for each in own if each.energy is not None]
        verdicts.append(Verdict(work, "energy", _median(energies), len(energies), bounds.energy))
        capacities = [each.capacity for each in own]
        verdicts.append(Verdict(work, "capacity", _median(capacities), len(capacities), bounds.capacity))
    return tuple(verdicts)


def _planned(profile: TokenProfile, row: MeasuredRow) -> tuple[float, float]:
    """Seconds and watts that the profile says."""
    context = row.taken.context_tokens or row.cell.prompt_tokens
    clock = _clock_mhz(profile, row)
    if row.cell.work is Work.PREFILL:
        return profile.prefill_s(context, clock), profile.prefill_power_w(context, clock)
    return profile.decode_step_s(row.cell.batch, context, clock), profile.decode_power_w(row.cell.batch, context, clock)


def _clock_mhz(profile: TokenProfile, row: MeasuredRow) -> float | None:
    """The clock that was held, or read; None = the highest, where the profile knows none or none was read."""
    clock = row.cell.sm_clock_mhz or row.taken.sm_clock_read_mhz
    return float(clock) if clock and profile.sm_clocks_mhz else None


def _median(values: Sequence[float]) -> float | None:
    return median(values) if len(values) >= LEAST_CELLS else None
