"""The rate of requests over a day, as factors of mean 1 by local hour."""

import numpy as np

DAY_S = 86_400.0

FACTORS = (
    0.83, 0.71, 0.75, 0.70, 0.72, 0.73, 0.77, 0.88, 1.00, 1.14, 1.11, 1.08,
    1.05, 1.06, 1.05, 1.04, 1.08, 1.07, 1.00, 1.22, 1.44, 1.39, 1.26, 1.05,
)  # fmt: skip
"""Mean of ServeGen's m-small over fourteen days by hour, divided by its mean (ServeGen, Apache-2.0)."""


def factor_at(times_s: float | np.ndarray) -> np.ndarray:
    """The day's factor at moments, seconds after a local midnight; straight lines between the middles of hours."""
    hours = np.arange(-1, 25) + 0.5
    factors: np.ndarray = np.interp(np.asarray(times_s) % DAY_S / 3_600, hours, (FACTORS[-1], *FACTORS, FACTORS[0]))
    return factors
