"""Weights of any number of candidates, not negative: what the pair of the model was compared with."""

import numpy as np

from models.forecast.blend import MIN_GAIN

MIX_ROUNDS = 20
"""A mix gives weights in steps of about this many parts."""


def best_mix(candidates: np.ndarray, actual: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Weights of any number of candidates, not negative: the best one, then in each round a twentieth of another.

    Each of MIX_ROUNDS rounds adds the candidate (again, or anew) whose share in the mean lowers mean cost·|error|
    most, and the weights of the best round are taken. Small steps and few rounds keep it from fitting the noise.

    Args:
        candidates: Shape (candidate, issue, target), the simplest last.
        actual: Shape (issue, target).
        cost: Shape (issue, target).

    Returns:
        Shape (candidate,), sum 1; all on the first candidate when nothing can be compared.
    """
    usable = [i for i, said in enumerate(candidates) if np.isfinite(said).any()]
    known = np.isfinite(actual) & np.isfinite(candidates[usable]).all(axis=0)
    if not usable or not known.any():
        first: np.ndarray = np.eye(len(candidates))[0]
        return first
    said, truth, price = candidates[usable][:, known], actual[known], cost[known]
    picks = [_least(said, truth, price)]
    losses = [float((price * np.abs(truth - said[picks[0]])).mean())]
    for rounds in range(1, MIX_ROUNDS):
        mixes = (said[picks].sum(axis=0) + said) / (rounds + 1)
        picks.append(_least(mixes, truth, price))
        losses.append(float((price * np.abs(truth - mixes[picks[-1]])).mean()))
    worth = np.flatnonzero(np.array(losses) <= min(losses) * (1 + MIN_GAIN))[0] + 1
    weights = np.zeros(len(candidates))
    for pick in picks[:worth]:
        weights[usable[pick]] += 1 / worth
    return weights


def _least(said: np.ndarray, truth: np.ndarray, price: np.ndarray) -> int:
    """The candidate with the least mean price·|error|, the last of those that tie."""
    losses = (price * np.abs(truth - said)).mean(axis=1)
    return int(np.flatnonzero(losses <= losses.min() * (1 + MIN_GAIN))[-1])
