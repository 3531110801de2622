"""Policies against each other, paired over hours: changes as shares, equal service, the gap closed, with intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.evaluate.comparison import LEVEL, RESAMPLES, SEED
from models.evaluate.outcome_rows import BoundRow, Comparison, Estimate, GapClosed
from models.simulator.run_scores import RunScores

EQUAL_POINTS = 0.2
"""Attainment within so many percentage points is equal."""

LEAST_HOURS = 5
"""Of fewer hours no interval is told: drawing so few again says little about others."""

ALL = "all"
"""Kind of grids in a comparison over every hour."""

Amount = Callable[[RunScores], float | None]
Statistic = Callable[[np.ndarray], np.ndarray]
"""From sums, shape (…, column), to a number each, shape (…)."""


@dataclass(frozen=True)
class Paired:
    """Runs by policy over the same hours and seeds, in the same order.

    Attributes:
        runs: Policy to its runs; those of hours that not every one of the policies has are left out.
        hours: Number of the hour of each run: hours, with all their seeds, are drawn again for intervals.
    """

    runs: dict[str, tuple[RunScores, ...]]
    hours: tuple[int, ...]

    @classmethod
    def of(cls, runs: Sequence[RunScores], policies: Sequence[str], scenario: str = ALL) -> "Paired":
        """The runs of these policies over the hours of one kind of grids."""
        found = {
            name: {_key(e): e for e in runs if e.policy == name and scenario in (ALL, e.scenario)} for name in policies
        }
        common = [key for key in found[policies[0]] if all(key in own for own in found.values())]
        numbers = {key[:2]: None for key in common}
        order = {hour: number for number, hour in enumerate(numbers)}
        return cls(
            {name: tuple(own[key] for key in common) for name, own in found.items()},
            tuple(order[key[:2]] for key in common),
        )

    def estimate(self, amounts: Sequence[tuple[str, Amount]], statistic: Statistic) -> Estimate | None:
        """A statistic of sums of (policy, amount) over the hours, with its bootstrap interval; None if not known."""
        columns = [[of(each) for each in self.runs[policy]] for policy, of in amounts]
        if not self.hours or any(value is None for column in columns for value in column):
            return None
        by_hour = np.zeros((max(self.hours) + 1, len(columns)))
        np.add.at(by_hour, list(self.hours), np.array(columns, dtype=float).T)
        mean = float(statistic(by_hour.sum(axis=0)))
        if not np.isfinite(mean):
            return None
        if len(by_hour) < LEAST_HOURS:
            return Estimate(mean)
        drawn = np.random.default_rng(SEED).integers(len(by_hour), size=(RESAMPLES, len(by_hour)))
        resampled = statistic(by_hour[drawn].sum(axis=1))
        low, high = np.quantile(resampled[np.isfinite(resampled)], ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
        return Estimate(mean, float(low), float(high))

    def sums(self, amounts: Sequence[tuple[str, Amount]]) -> tuple[float, ...] | None:
        """Sums of (policy, amount) over the hours, means over seeds; None if one is not known."""
        found = []
        for policy, of in amounts:
            values = [of(each) for each in self.runs[policy]]
            known = [value for value in values if value is not None]
            if not values or len(known) < len(values):
                return None
            found.append(sum(known) * len(set(self.hours)) / len(self.hours))
        return tuple(found)

    def change(self, ours: str, theirs: str, of: Amount) -> Estimate | None:
        """Change of a sum as a share of theirs; negative = less."""
        return self.estimate([(ours, of), (theirs, of)], lambda sums: _over(sums[..., 0], sums[..., 1]) - 1)

    def known(self, of: Amount) -> "Paired":
        """The hours in which every policy knows an amount."""
        there = [at for at in range(len(self.hours)) if all(of(own[at]) is not None for own in self.runs.values())]
        order = {hour: number for number, hour in enumerate(dict.fromkeys(self.hours[at] for at in there))}
        return Paired(
            {name: tuple(own[at] for at in there) for name, own in self.runs.items()},
            tuple(order[self.hours[at]] for at in there),
        )

    def told(self, ours: str, theirs: str, of: Amount) -> tuple[Estimate | None, int]:
        """The change of a sum, and over how many hours."""
        return self.change(ours, theirs, of), len(set(self.hours))

    def points(self, ours: str, theirs: str) -> Estimate | None:
        """SLO attainment of all requests less theirs, percentage points."""
        kept, offered = (lambda e: e.slo_attainment * e.offered), (lambda e: float(e.offered))
        amounts: list[tuple[str, Amount]] = [(ours, kept), (ours, offered), (theirs, kept), (theirs, offered)]
        return self.estimate(
            amounts, lambda sums: 100 * (_over(sums[..., 0], sums[..., 1]) - _over(sums[..., 2], sums[..., 3]))
        )

    def lost(self, policy: str) -> int:
        """Requests shed or refused."""
        return sum(each.shed + each.refused for each in self.runs[policy])


def compare(runs: Sequence[RunScores], policy: str, reference: str, scenario: str = ALL) -> Comparison | None:
    """A policy beside the reference over the hours of one kind of grids; None where both ran in none of them."""
    paired = Paired.of(runs, (policy, reference), scenario)
    points = paired.points(policy, reference)
    energy = paired.change(policy, reference, lambda each: each.energy_kwh)
    gpu = paired.change(policy, reference, lambda each: each.energy_gpu_kwh)
    if points is None or energy is None or gpu is None:
        return None
    carbon = paired.change(policy, reference, lambda each: each.carbon_kg)
    marginal, marginal_hours = paired.known(_marginal).told(policy, reference, _marginal)
    cost, cost_hours = paired.known(_cost).told(policy, reference, _cost)
    return Comparison(
        policy=policy,
        scenario=scenario,
        hours=len(set(paired.hours)),
        energy=energy,
        energy_gpu=gpu,
        carbon=carbon,
        carbon_marginal=marginal,
        cost=cost,
        attainment_points=points,
        equal_slo=points.mean >= -EQUAL_POINTS and paired.lost(policy) <= paired.lost(reference),
        ambiguous=carbon is not None and marginal is not None and carbon.mean * marginal.mean < 0,
        carbon_marginal_hours=marginal_hours,
        cost_hours=cost_hours,
    )


def gap_closed(
    ledger: str,
    runs: Sequence[RunScores],
    compared: Sequence[Comparison],
    baselines: Sequence[str],
    freesh: str,
    bounds: Sequence[BoundRow],
    *,
    outside: bool = False,
) -> GapClosed | None:
    """How much of the way from the strongest baseline to the bound is gone; None where one of them is not known.

    The strongest is the one of least energy, or carbon, at equal SLO over all hours: each ledger has its own.

    Args:
        ledger: energy or carbon.
        runs: Of all policies.
        compared: Each policy with the reference.
        baselines: Among which the strongest is looked for.
        freesh: Whose gap it is.
        bounds: Of the hours that have one.
        outside: What is said of `baselines` in the row.
    """
    of_run, of_bound, of_change = LEDGERS[ledger]
    equal = [
        (change.mean, each.policy)
        for each in compared
        if each.scenario == ALL
        and each.policy in baselines
        and each.equal_slo
        and (change := of_change(each)) is not None
    ]
    known = {(each.hour, each.scenario): of_bound(each) for each in bounds}
    with_bound = [each for each in runs if known.get((each.hour, each.scenario)) is not None]
    if not equal or not with_bound:
        return None
    _, strongest = min(equal)
    paired = Paired.of(with_bound, (strongest, freesh))
    amounts = [(strongest, of_run), (freesh, of_run), (freesh, lambda run: known[run.hour, run.scenario])]
    sums = paired.sums(amounts)
    return None if sums is None else GapClosed(ledger, outside, strongest, paired.estimate(amounts, _eta), sums)


def _energy(run: RunScores) -> float:
    return run.energy_kwh


def _marginal(run: RunScores) -> float | None:
    return run.carbon_marginal_kg


def _cost(run: RunScores) -> float | None:
    return run.cost_usd


def _carbon(run: RunScores) -> float | None:
    return run.carbon_kg


def _eta(sums: np.ndarray) -> np.ndarray:
    """Strongest, FREESH and bound to the share of the gap that is closed."""
    return _over(sums[..., 0] - sums[..., 1], sums[..., 0] - sums[..., 2])


def _over(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """A ratio; not a number where the whole is not above 0."""
    ratio: np.ndarray = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)
    return ratio


def _key(run: RunScores) -> tuple[str, str, int]:
    return run.hour, run.scenario, run.seed


LEDGERS: dict[str, tuple[Amount, Callable[[BoundRow], float | None], Callable[[Comparison], Estimate | None]]] = {
    "energy": (_energy, lambda row: row.energy_kwh, lambda each: each.energy),
    "carbon": (_carbon, lambda row: row.carbon_kg, lambda each: each.carbon),
}
"""Of a run, of a bound, and as a change against the reference."""
