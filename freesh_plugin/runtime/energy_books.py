"""Where measured energy went: the sums by which shares are checked against the counter."""

from dataclasses import dataclass


@dataclass(slots=True)
class EnergyBooks:
    """Joules since the start. What is measured is always the sum of the other four, and of what open requests hold.

    Attributes:
        measured_j: By the counters.
        answered_j: Told to requests with their last token.
        unanswered_j: Spent on requests that were told nothing: cancelled, failed, or with a part unknown.
        idle_j: While no request was in the batch.
        estimate_error_j: True shares less estimated ones, of what ended requests took after the newest reading.
    """

    measured_j: float = 0.0
    answered_j: float = 0.0
    unanswered_j: float = 0.0
    idle_j: float = 0.0
    estimate_error_j: float = 0.0
