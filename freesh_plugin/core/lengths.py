"""Length of an answer as a distribution in tokens: its median and its 0.9 quantile."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AnswerLength:
    """Median and 0.9 quantile of an answer's length in tokens (> 0, q90 >= q50)."""

    q50: float
    q90: float
