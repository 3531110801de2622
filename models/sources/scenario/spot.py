"""A value of a scenario's files together with where it stands, and the checks that name both when they fail."""

import difflib
import math
import re
from collections.abc import Collection
from dataclasses import dataclass

from freesh_plugin.core.errors import ScenarioError

MAX_NAME_LENGTH = 200
"""Longest name, characters; the plan's own limit."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


MOST_NAMES = 12
"""So many known names are listed in a message."""


def nearest(word: str, known: Collection[str], most: int = MOST_NAMES) -> str:
    """`; nearest known name is 'x'`, or the first known names when none is near, for the end of a message."""
    known = [str(each) for each in known]  # a member of an enumeration shows as its value
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    lowered = [each for each in known if each.lower() == word.lower()]
    if lowered or close:
        return f"; nearest known name is {(lowered or close)[0]!r}"
    names = ", ".join(map(repr, known[:most])) or "none"
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return f"; known names are {names}{more}"


def parse_number(text: str) -> float | None:
    """A decimal number, or None: no `nan`, `inf`, underscores or hexadecimal."""
    return float(text) if _NUMBER.fullmatch(text) else None


@dataclass(frozen=True)
class Spot:
    """A value and where it stands (`demand.csv, row 7, column demand_rps`)."""

    where: str
    value: object

    def fault(self, message: str) -> ScenarioError:
        """The error that names this place."""
        return ScenarioError(f"{self.where}: {message}")

    def name(self) -> str:
        """A non-empty printable text."""
        if not isinstance(self.value, str):
            raise self.fault(f"{self.value!r} is not a text; put it in quotes if it is meant as a name")
        if not self.value or not self.value.isprintable() or self.value != self.value.strip():
            raise self.fault(f"{self.value!r} is not a name: empty, unprintable or with spaces around it")
        if len(self.value) > MAX_NAME_LENGTH:
            raise self.fault(f"a name of {len(self.value)} characters, limit {MAX_NAME_LENGTH}")
        return self.value

    def one_of(self, known: Collection[str], what: str) -> str:
        """A name that is among the known ones."""
        name = self.name()
        if name not in known:
            raise self.fault(f"{name!r} is not a known {what}{nearest(name, known)}")
        return name

    def truth(self) -> bool:
        """Either true or false."""
        value = {"true": True, "false": False}.get(str(self.value).lower())
        if value is None:
            raise self.fault(f"{self.value!r} is neither true nor false")
        return value

    def number(
        self,
        unit: str,
        *,
        low: float | None = None,
        high: float | None = None,
        above: float | None = None,
    ) -> float:
        """A finite number within [low, high] and greater than `above`, in the unit that messages show."""
        value = self._number()
        shown = f"{value:g} {unit}".strip()
        if not math.isfinite(value):
            raise self.fault(f"{shown} is not a finite number")
        if low is not None and value < low:
            raise self.fault(f"{shown} is less than the limit {low:g}")
        if above is not None and value <= above:
            raise self.fault(f"{shown} is not greater than the limit {above:g}")
        if high is not None and value > high:
            raise self.fault(f"{shown} is greater than the limit {high:g}")
        return value

    def integer(self, unit: str, *, low: int | None = None, high: int | None = None) -> int:
        """A whole number within [low, high]."""
        value = self.number(unit, low=low, high=high)
        if value != int(value):
            raise self.fault(f"{value:g} {unit} is not a whole number".replace("  ", " "))
        return int(value)

    def _number(self) -> float:
        value = self.value
        if isinstance(value, str):
            parsed = parse_number(value)
            if parsed is not None:
                return parsed
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                return float(value)
            except OverflowError:
                return math.inf
        raise self.fault(f"{value!r} is not a number")
