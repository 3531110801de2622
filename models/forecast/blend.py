"""How candidates are blended: by weights that did best on the recent past, chosen by walk-forward."""

from collections.abc import Callable
from itertools import combinations

import numpy as np

SHARES = np.linspace(0.0, 1.0, 11)
"""Weights that are tried for the second of a pair."""

MIN_GAIN = 0.002
"""A blend must beat the candidates before it by this share of their loss: ties go to the simpler."""


Chooser = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""From candidates, actual and cost (see `best_pair`) to weights, shape (candidate,), sum 1."""


def choose_by_group(
    choose: Chooser, candidates: np.ndarray, actual: np.ndarray, cost: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """Weights of each target, shape (candidate, target): those of the group of targets it is in, chosen together.

    Args:
        choose: How the weights of a group are chosen.
        candidates: Shape (candidate, issue, target), the simplest last.
        actual: Shape (issue, target).
        cost: Shape (issue, target).
        groups: Shape (target,): number of each target's group.
    """
    weights = np.zeros((len(candidates), len(groups)))
    for group in np.unique(groups):
        here = groups == group
        weights[:, here] = choose(candidates[..., here], actual[:, here], cost[:, here])[:, None]
    return weights


def best_pair(candidates: np.ndarray, actual: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Weights of the pair with the least mean cost·|error| where all candidates and the actual are known.

    Args:
        candidates: Shape (candidate, issue, target), the simplest last.
        actual: Shape (issue, target).
        cost: Shape (issue, target): what a unit of error costs.

    Returns:
        Shape (candidate,), sum 1; all on the first candidate when nothing can be compared.
    """
    weights: np.ndarray = np.eye(len(candidates))[0]
    usable = [i for i, said in enumerate(candidates) if np.isfinite(said).any()]
    known = np.isfinite(actual) & np.isfinite(candidates[usable]).all(axis=0)
    if not usable or not known.any():
        return weights
    best = np.inf
    said, truth, price = candidates[:, known], actual[known], cost[known]
    for weight in _trials(len(candidates), usable):
        used = np.flatnonzero(weight)
        loss = float((price * np.abs(truth - weight[used] @ said[used])).mean())
        if loss < best * (1 - MIN_GAIN):
            best, weights = loss, weight
    return weights


def _trials(count: int, usable: list[int]) -> list[np.ndarray]:
    """Each usable candidate alone, the simplest first, then each pair at each share."""
    unit: np.ndarray = np.eye(count)
    pairs = [(1 - s) * unit[i] + s * unit[j] for i, j in combinations(usable, 2) for s in SHARES[1:-1]]
    return [*(unit[i] for i in reversed(usable)), *pairs]


def blend(candidates: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted mean of those that have something to say, else the first that has; shape (issue, target).

    Args:
        candidates: Shape (candidate, issue, target); NaN = nothing to say.
        weights: Shape (candidate, target).
    """
    said = np.isfinite(candidates)
    shares = np.where(said, weights[:, None, :], 0.0)
    total = shares.sum(axis=0)
    mixed = (shares * np.where(said, candidates, 0.0)).sum(axis=0)
    first = np.take_along_axis(candidates, said.argmax(axis=0)[None], axis=0)[0]
    blended: np.ndarray = np.where(total > 0, mixed / np.where(total > 0, total, 1.0), first)
    return blended
