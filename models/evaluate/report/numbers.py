"""Numbers as people read them: signs, units, intervals, and "not known" where there is none."""

from math import isfinite

from models.evaluate.outcome_rows import Estimate

NOT_KNOWN = "not known"
_MINUS, _SPACE = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"


def number(value: float | None, digits: int = 1, unit: str = "") -> str:
    """A number with so many decimals and a thousands separator, or "not known"."""
    if value is None or not isfinite(value):
        return NOT_KNOWN
    return _signed(f"{value:,.{digits}f}") + (f"{_SPACE}{unit}" if unit else "")


def significant(value: float | None, unit: str = "") -> str:
    """A quantity to about three digits."""
    if value is None or not isfinite(value):
        return NOT_KNOWN
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return number(value, digits, unit)


def signed(value: float | None, unit: str = "") -> str:
    """A change of a quantity, with its sign, to about three digits."""
    told = significant(value)
    more = value is not None and value > 0 and any(each in "123456789" for each in told)
    return f"{'+' if more else ''}{significant(value, unit)}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share as percent."""
    return number(None if share is None else 100 * share, digits, "%" if share is not None and isfinite(share) else "")


def change(share: float | None, digits: int = 1) -> str:
    """A change as a share, as percent with its sign."""
    if share is None or not isfinite(share):
        return NOT_KNOWN
    text = f"{100 * share:+.{digits}f}"
    return (_signed(text) if float(text) else f"{0:.{digits}f}") + f"{_SPACE}%"


def change_estimate(estimate: Estimate | None, digits: int = 1) -> str:
    """A change with its interval, as in -31.2 % (-33.0 to -28.1)."""
    if estimate is None:
        return NOT_KNOWN
    return change(estimate.mean, digits) + (f" ({interval})" if (interval := change_interval(estimate, digits)) else "")


def change_interval(estimate: Estimate, digits: int = 1) -> str:
    """The ends of the interval of a change, in percent; empty where there are none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{change(estimate.low, digits).removesuffix(f'{_SPACE}%')} to {change(estimate.high, digits)}"


def seconds(value: float | None) -> str:
    """A time, in milliseconds below a second."""
    if value is None or not isfinite(value):
        return NOT_KNOWN
    return number(1000 * value, 0, "ms") if abs(value) < 1 else number(value, 1, "s")


def brief(time_s: float) -> str:
    """A bound of time as it is set: 2 s, 450 ms."""
    return f"{time_s:g} s" if time_s >= 1 else f"{1000 * time_s:g} ms"


def _signed(text: str) -> str:
    return text.replace("-", _MINUS) if any(each in "123456789" for each in text) else text.lstrip("-")
