"""A mixed-integer program in the making, solved by SciPy's HiGHS: what the oracle of random fleets is built on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array


@dataclass
class Rows:
    """A program in the making: variables with bounds, and rows."""

    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    cells: list[tuple[int, int, float]] = field(default_factory=list)
    limits: list[tuple[float, float]] = field(default_factory=list)

    def add(self, upper: float = math.inf, *, whole: bool = False) -> int:
        """A new variable, from 0 to `upper`."""
        self.lower.append(0.0)
        self.upper.append(upper)
        self.whole.append(int(whole))
        return len(self.lower) - 1

    def row(self, terms: Mapping[int, float], low: float, high: float) -> None:
        """Low <= Σ coefficient·variable <= high."""
        self.cells += [(len(self.limits), j, value) for j, value in terms.items()]
        self.limits.append((low, high))

    def least(self, cost: Mapping[int, float], extra: list[tuple[dict[int, float], float]]) -> float | None:
        """The least cost, within upper limits on some sums beside the rows; None where infeasible."""
        prices = np.zeros(len(self.lower))
        for j, value in cost.items():
            prices[j] += value
        cells = self.cells + [
            (len(self.limits) + k, j, v) for k, (sums, _) in enumerate(extra) for j, v in sums.items()
        ]
        limits = self.limits + [(-math.inf, limit) for _, limit in extra]
        shape = (len(limits), len(self.lower))
        matrix = csr_array(
            ([v for _, _, v in cells], ([i for i, _, _ in cells], [j for _, j, _ in cells])), shape=shape
        )
        found = milp(
            prices,
            integrality=np.array(self.whole),
            bounds=Bounds(np.array(self.lower), np.array(self.upper)),
            constraints=LinearConstraint(matrix, *map(np.array, zip(*limits, strict=True))) if limits else (),
            # Without presolve, which has called feasible programs infeasible here.
            options={"mip_rel_gap": 0.0, "presolve": False},
        )
        if found.status == 2:
            return None
        assert found.status == 0, found.message
        return float(found.fun)
