"""Partitions of requests into classes by prompt and answer length, and the cells they are sums of."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from freesh_plugin.core.errors import ScenarioError

TWO_BY_TWO = ("SS", "SL", "LS", "LL")
"""Names of the 2 x 2 grid, row by row, prompt first: SL is a short prompt with a long answer."""


def interval(boundaries: tuple[int, ...], tokens: float) -> int:
    """Index of the half-open interval that holds `tokens`: short means < boundary, long means >= it."""
    return bisect_right(boundaries, tokens)


def cell_label(boundaries: tuple[int, ...], index: int) -> str:
    """Label `lo-hi` of an interval, half-open, the last one `lo-inf` (`0-444`, `444-inf`)."""
    edges = ("0", *map(str, boundaries), "inf")
    return f"{edges[index]}-{edges[index + 1]}"


def cell_labels(boundaries: tuple[int, ...]) -> tuple[str, ...]:
    """Labels of all intervals that the boundaries make, shortest first."""
    return tuple(cell_label(boundaries, i) for i in range(len(boundaries) + 1))


def parse_cell_label(label: str) -> tuple[float, float]:
    """Lower and upper bound in tokens of a label such as `0-444` or `444-inf`.

    Raises:
        ScenarioError: the label is not of that form.
    """
    low, _, high = label.partition("-")
    try:
        bounds = float(low), float(high)
    except ValueError:
        bounds = (0.0, 0.0)
    if not 0 <= bounds[0] < bounds[1]:
        raise ScenarioError(f"cell label {label!r} is not of the form lo-hi or lo-inf, in tokens")
    return bounds


@dataclass(frozen=True)
class Partition:
    """Thresholds that make the request classes of one model.

    Attributes:
        name: The partition's name.
        classes: Class names, row by row of the prompt x answer grid, prompt first.
        prompt_tokens: Ascending boundaries in tokens, or None when unknown.
        answer_tokens: Ascending boundaries in tokens, or None when unknown.

    A partition with an unknown boundary can be solved and published in advise mode, never pushed in act mode.
    """

    name: str
    classes: tuple[str, ...]
    prompt_tokens: tuple[int, ...] | None = None
    answer_tokens: tuple[int, ...] | None = None

    @property
    def bounded(self) -> bool:
        """Whether both boundaries are known, so that a request can be classified."""
        return self.prompt_tokens is not None and self.answer_tokens is not None

    def classify(self, prompt_tokens: float, answer_tokens: float) -> str:
        """Class of a request with these (predicted) lengths in tokens.

        Raises:
            ScenarioError: a boundary of this partition is unknown.
        """
        if self.prompt_tokens is None or self.answer_tokens is None:
            raise ScenarioError(f"partition {self.name!r} has an unknown boundary and cannot classify requests")
        row = interval(self.prompt_tokens, prompt_tokens)
        column = interval(self.answer_tokens, answer_tokens)
        return self.classes[row * (len(self.answer_tokens) + 1) + column]


@dataclass(frozen=True)
class CellGrid:
    """Common refinement of the boundaries of several partitions: demand under any of them is a sum of cells."""

    prompt_tokens: tuple[int, ...] = ()
    answer_tokens: tuple[int, ...] = ()

    @classmethod
    def refining(cls, partitions: Iterable[Partition]) -> "CellGrid":
        """Coarsest grid that refines every known boundary of the partitions."""
        known = list(partitions)
        return cls(
            prompt_tokens=tuple(sorted({b for p in known for b in p.prompt_tokens or ()})),
            answer_tokens=tuple(sorted({b for p in known for b in p.answer_tokens or ()})),
        )
