"""Least squares with a handful of unknowns, none below 0; small enough to need no array library."""

from collections.abc import Sequence
from itertools import chain, combinations

_SINGULAR = 1e-12


def least_squares(rows: Sequence[Sequence[float]], targets: Sequence[float]) -> tuple[float, ...]:
    """The x ≥ 0 with the least Σ (rows·x - targets)².

    Exact: of all sets of unknowns above 0, the best whose solution is. Their number doubles with each unknown, so there
    may be about eight.
    """
    count = len(rows[0])
    gram = [[sum(row[i] * row[j] for row in rows) for j in range(count)] for i in range(count)]
    moment = [sum(row[i] * target for row, target in zip(rows, targets, strict=True)) for i in range(count)]
    best, gained = (0.0,) * count, 0.0
    for free in chain.from_iterable(combinations(range(count), size) for size in range(1, count + 1)):
        found = _solved([[gram[i][j] for j in free] for i in free], [moment[i] for i in free])
        if found is None or min(found) < 0:
            continue
        # At a least square, what it takes off Σ targets² is moment·x.
        gain = sum(moment[i] * value for i, value in zip(free, found, strict=True))
        if gain > gained:
            gained, by_place = gain, dict(zip(free, found, strict=True))
            best = tuple(by_place.get(place, 0.0) for place in range(count))
    return best


def _solved(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """Gauss's elimination of a positive definite system; None where some unknowns cannot be told apart."""
    count = len(right)
    scale = [matrix[k][k] for k in range(count)]
    for k in range(count):
        if matrix[k][k] <= _SINGULAR * scale[k]:
            return None
        for below in range(k + 1, count):
            factor = matrix[below][k] / matrix[k][k]
            matrix[below] = [a - factor * b for a, b in zip(matrix[below], matrix[k], strict=True)]
            right[below] -= factor * right[k]
    for k in reversed(range(count)):
        right[k] = (right[k] - sum(matrix[k][j] * right[j] for j in range(k + 1, count))) / matrix[k][k]
    return right
