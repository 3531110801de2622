"""One finished cell of a sweep as a row of the raw table."""

from dataclasses import dataclass, fields
from math import inf

from profiling.sweep.cell import Cell, Work
from profiling.sweep.run_facts import RunFacts

SLOWED = "slowed by power or temperature"
"""Note of a cell in which a GPU held itself back."""

CLOCK_OFF_MHZ = 30.0
"""A clock that is read further from the one to hold is another clock."""


@dataclass(frozen=True)
class Taken:
    """What was measured in one cell; None = it could not be.

    Attributes:
        sm_clock_read_mhz: Read back while it ran; mean.
        prompt_tokens_read: What the endpoint counted in a prompt; mean.
        context_tokens: Mean tokens of context of a request while measured.
        repetitions: Prefills, or bursts of decoding, that count.
        window_s: Time that was measured in all.
        tokens: Answer tokens that came in that time.
        time_s: Of one prefill (median TTFT), or of one decode step (mean).
        spread: Standard deviation of that over the repetitions, as a share of it.
        tokens_per_s: Prompt tokens (prefill) or answer tokens (decode) in a second.
        energy_j: By the energy counters of all GPUs, over `energy_window_s`.
        energy_window_s: Time between the readings of the counters.
        power_w: Mean of all GPUs together.
        note: What was out of the ordinary.
    """

    sm_clock_read_mhz: float | None = None
    prompt_tokens_read: float | None = None
    context_tokens: float | None = None
    repetitions: int = 0
    window_s: float = 0.0
    tokens: int = 0
    time_s: float | None = None
    spread: float | None = None
    tokens_per_s: float | None = None
    energy_j: float | None = None
    energy_window_s: float | None = None
    power_w: float | None = None
    note: str = ""


@dataclass(frozen=True)
class MeasuredRow:
    """A row: what was asked, what was found, when, on what."""

    cell: Cell
    taken: Taken
    facts: RunFacts
    measured_at: str

    @property
    def slowed(self) -> bool:
        """Whether a GPU held itself back, and so may have been at a lower clock than it was let."""
        return SLOWED in self.taken.note

    @property
    def clock_is_off(self) -> bool:
        """Whether it ran at another clock than the one to hold; not what a GPU does that rests or slows itself down."""
        held_mhz, read_mhz = self.cell.sm_clock_mhz, self.taken.sm_clock_read_mhz
        if held_mhz is None or read_mhz is None:
            return False
        may_be_lower = self.slowed or self.cell.work is Work.IDLE
        return read_mhz > held_mhz + CLOCK_OFF_MHZ or (read_mhz < held_mhz - CLOCK_OFF_MHZ and not may_be_lower)

    def cells(self) -> dict[str, str]:
        """Text by column."""
        named = {each.name: getattr(part, each.name) for part in (self.cell, self.taken, self.facts) for each in
                 fields(part)}  # fmt: skip
        return {name: _text(named[name]) for name in COLUMNS[:-1]} | {"measured_at": self.measured_at}

    @classmethod
    def of(cls, cells: dict[str, str]) -> "MeasuredRow":
        """The row with these cells.

        Raises:
            ValueError, KeyError, TypeError: a cell cannot be read, is out of range or is missing.
        """
        cell = Cell(
            sm_clock_mhz=_whole("sm_clock_mhz", cells, least=1) if cells["sm_clock_mhz"] else None,
            work=Work(cells["work"]),
            **{name: _whole(name, cells) for name in ("batch", "prompt_tokens", "answer_tokens")},
        )
        taken = Taken(
            **{name: _number(name, cells) if cells[name] else None for name in _OPTIONAL},
            repetitions=_whole("repetitions", cells),
            window_s=_number("window_s", cells),
            tokens=_whole("tokens", cells),
            note=cells["note"],
        )
        facts = RunFacts(gpus=_whole("gpus", cells), **{name: cells[name] for name in _FACTS})
        return cls(cell, taken, facts, cells["measured_at"])


_OPTIONAL = (
    "sm_clock_read_mhz", "prompt_tokens_read", "context_tokens", "time_s", "spread", "tokens_per_s", "energy_j",
    "energy_window_s", "power_w",
)  # fmt: skip
_FACTS = ("basis", "machine", "gpu", "driver", "engine", "model")
COLUMNS = (*(each.name for part in (Cell, Taken, RunFacts) for each in fields(part)), "measured_at")
"""Header of the raw table."""


def _number(name: str, cells: dict[str, str]) -> float:
    number = float(cells[name])
    if not 0 <= number < inf:
        raise ValueError(f"{name} {cells[name]}: expected a number that is at least 0")
    return number


def _whole(name: str, cells: dict[str, str], least: int = 0) -> int:
    number = int(cells[name])
    if number < least:
        raise ValueError(f"{name} {number}: expected a whole number that is at least {least}")
    return number


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
