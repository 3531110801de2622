"""Policies compared: totals, distance from perfect foresight, share of the gap closed, paired intervals over days."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from freesh_plugin.core.units import JOULES_PER_KWH
from models.evaluate.ledger import Account

RESAMPLES = 4_000
LEVEL = 0.95
SEED = 20_260_301
GRAMS_PER_KG = 1_000.0


@dataclass(frozen=True)
class Booked:
    """The accounts of one policy, epoch by epoch, and the number of the day that each epoch starts in."""

    accounts: tuple[Account, ...]
    days: tuple[int, ...]

    def by_day(self, field: str) -> np.ndarray:
        """Sums by day, in order; shape (day,)."""
        values = np.array([getattr(each, field) for each in self.accounts], dtype=float)
        _, at = np.unique(self.days, return_inverse=True)
        sums: np.ndarray = np.bincount(at, weights=values)
        return sums


@dataclass(frozen=True)
class Row:
    """One policy in a comparison.

    Attributes:
        carbon: How carbon was foreseen.
        demand: How demand was foreseen.
        energy_kwh: At the meter.
        carbon_kg: Signed.
        unserved_share: Requests not served over requests offered.
        grams_per_1000_served: Carbon over requests served.
        starts: Instances started.
        above_perfect_kg: Carbon above perfect foresight, and its interval (None with a single day).
        above_perfect_interval_kg: Paired over days.
        saved_kg: Carbon below persistence, and its interval.
        saved_interval_kg: Paired over days.
        gap_closed: (persistence - this) / (persistence - perfect); None where persistence is no worse than perfect.
        equal_service: Unserved share within 0.2 points of the perfect one, so that the kilograms compare.
    """

    carbon: str
    demand: str
    energy_kwh: float
    carbon_kg: float
    unserved_share: float
    grams_per_1000_served: float
    starts: int
    above_perfect_kg: float
    above_perfect_interval_kg: tuple[float, float] | None
    saved_kg: float
    saved_interval_kg: tuple[float, float] | None
    gap_closed: float | None
    equal_service: bool


EQUAL_SERVICE = 0.002
"""Two policies serve equally when their unserved shares differ by no more."""


def row(names: tuple[str, str], this: Booked, persistence: Booked, perfect: Booked) -> Row:
    """One policy beside persistence and perfect foresight over the same epochs."""
    energy, carbon = this.by_day("energy_j").sum() / JOULES_PER_KWH, _kg(this)
    offered, unserved = this.by_day("offered").sum(), this.by_day("unserved").sum()
    gap = float((_kg(persistence) - _kg(perfect)).sum())
    saved = _kg(persistence) - carbon
    perfect_share = perfect.by_day("unserved").sum() / offered
    return Row(
        carbon=names[0],
        demand=names[1],
        energy_kwh=float(energy),
        carbon_kg=float(carbon.sum()),
        unserved_share=float(unserved / offered),
        grams_per_1000_served=float(carbon.sum() * GRAMS_PER_KG / (offered - unserved) * 1_000),
        starts=int(this.by_day("starts").sum()),
        above_perfect_kg=float((carbon - _kg(perfect)).sum()),
        above_perfect_interval_kg=interval(carbon - _kg(perfect)),
        saved_kg=float(saved.sum()),
        saved_interval_kg=interval(saved),
        gap_closed=float(saved.sum()) / gap if gap > 0 else None,
        equal_service=bool(abs(unserved / offered - perfect_share) <= EQUAL_SERVICE),
    )


def interval(daily: np.ndarray, seed: int = SEED) -> tuple[float, float] | None:
    """Bootstrap interval of a sum over days: whole days are drawn again, so that what hangs together stays together.

    The ends of the central 95 % of RESAMPLES sums; None with fewer than two days.
    """
    if len(daily) < 2:
        return None
    drawn = np.random.default_rng(seed).integers(len(daily), size=(RESAMPLES, len(daily)))
    low, high = np.quantile(daily[drawn].sum(axis=1), ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)


def joined(parts: Sequence[Booked]) -> Booked:
    """Several spans as one; their days stay apart."""
    days: list[int] = []
    for part in parts:
        offset = max(days, default=-1) + 1
        days += [offset + day - min(part.days) for day in part.days]
    return Booked(tuple(each for part in parts for each in part.accounts), tuple(days))


def _kg(booked: Booked) -> np.ndarray:
    return booked.by_day("carbon_g") / GRAMS_PER_KG
