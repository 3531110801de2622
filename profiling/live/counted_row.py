"""What one router had counted at one moment: a row of the table that `profiling live` writes."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Counted:
    """Counters since the router's start; None = it does not tell.

    Attributes:
        energy_j: Of its GPUs.
        requests: Answers that ended.
        prompt_tokens: Of their prompts.
        answer_tokens: Of their answers.
        prefill_passes: Calls of the shards that computed prompts.
        joined_passes: Of these, those that decoded the batch at the same time (chunked prefill).
        decode_passes: Calls that only decoded.
        prefill_s: Seconds in the former.
        decode_s: Seconds in the latter.
        deadline_misses: Answers that ended after their deadline.
        sm_clock_mhz: SM clock now, of the slowest GPU.
    """

    energy_j: float | None = None
    requests: float | None = None
    prompt_tokens: float | None = None
    answer_tokens: float | None = None
    prefill_passes: float | None = None
    joined_passes: float | None = None
    decode_passes: float | None = None
    prefill_s: float | None = None
    decode_s: float | None = None
    deadline_misses: float | None = None
    sm_clock_mhz: float | None = None


@dataclass(frozen=True)
class CountedRow:
    """A row: when (seconds UTC), which router, where it is, what it serves, what it counted."""

    at_s: float
    router: str
    location: str
    model: str
    counted: Counted

    def cells(self) -> dict[str, str]:
        """Text by column."""
        counted = {name: getattr(self.counted, name) for name in COUNTED}
        return {"at_s": f"{self.at_s:.3f}", "router": self.router, "location": self.location, "model": self.model} | {
            name: "" if value is None else f"{value:.10g}" for name, value in counted.items()
        }

    @classmethod
    def of(cls, cells: dict[str, str]) -> "CountedRow":
        """The row with these cells.

        Raises:
            ValueError, KeyError: a cell cannot be read or is missing.
        """
        counted = Counted(**{name: float(cells[name]) if cells[name] else None for name in COUNTED})
        return cls(float(cells["at_s"]), cells["router"], cells["location"], cells["model"], counted)


COUNTED = tuple(each.name for each in fields(Counted))
COLUMNS = ("at_s", "router", "location", "model", *COUNTED)
"""Header of the table."""
