"""One finished cell of a sweep as a row of the raw table."""

from dataclasses import dataclass, fields

from profiling.sweep.cell import Cell, Work
from profiling.sweep.run_facts import RunFacts


@dataclass(frozen=True)
class Taken:
    """What was measured in one cell; None = it could not be.

    Attributes:
        sm_clock_read_mhz: Read back while it ran.
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

    def cells(self) -> dict[str, str]:
        """Text by column."""
        named = {each.name: getattr(part, each.name) for part in (self.cell, self.taken, self.facts) for each in
                 fields(part)}  # fmt: skip
        return {name: _text(named[name]) for name in COLUMNS[:-1]} | {"measured_at": self.measured_at}

    @classmethod
    def of(cls, cells: dict[str, str]) -> "MeasuredRow":
        """The row with these cells.

        Raises:
            ValueError, KeyError: a cell cannot be read or is missing.
        """
        cell = Cell(
            sm_clock_mhz=int(cells["sm_clock_mhz"]) if cells["sm_clock_mhz"] else None,
            work=Work(cells["work"]),
            **{name: int(cells[name]) for name in ("batch", "prompt_tokens", "answer_tokens")},
        )
        known = {name: float(cells[name]) if cells[name] else None for name in _OPTIONAL}
        taken = Taken(
            **known,
            repetitions=int(cells["repetitions"]),
            window_s=float(cells["window_s"]),
            tokens=int(cells["tokens"]),
            note=cells["note"],
        )
        facts = RunFacts(gpus=int(cells["gpus"]), **{name: cells[name] for name in _FACTS})
        return cls(cell, taken, facts, cells["measured_at"])


_OPTIONAL = (
    "sm_clock_read_mhz", "prompt_tokens_read", "context_tokens", "time_s", "spread", "tokens_per_s", "energy_j",
    "energy_window_s", "power_w",
)  # fmt: skip
_FACTS = ("basis", "machine", "gpu", "driver", "engine", "model")
COLUMNS = (*(each.name for part in (Cell, Taken, RunFacts) for each in fields(part)), "measured_at")
"""Header of the raw table."""


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
