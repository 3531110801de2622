"""What a comparison allows to be said: less, more, or nothing that so few hours can prove."""

from enum import Enum

from models.evaluate.outcome_rows import Comparison, Estimate


class Verdict(Enum):
    """What can be said of a change."""

    LESS = "less"
    MORE = "more"
    UNPROVEN = "unproven"
    """The interval includes 0."""
    UNTESTED = "untested"
    """Too few hours have no interval."""
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    """The two ledgers of carbon disagree on the sign."""


def verdict(estimate: Estimate | None) -> Verdict:
    """What can be said of a change."""
    if estimate is None:
        return Verdict.UNKNOWN
    if estimate.low is None or estimate.high is None:
        return Verdict.UNTESTED
    if estimate.low <= 0 <= estimate.high:
        return Verdict.UNPROVEN
    return Verdict.LESS if estimate.mean < 0 else Verdict.MORE


def carbon_verdict(comparison: Comparison) -> Verdict:
    """The same of carbon: never "less" where the ledgers disagree."""
    return Verdict.AMBIGUOUS if comparison.ambiguous else verdict(comparison.carbon)
