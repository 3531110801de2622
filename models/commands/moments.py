"""Moments and lengths of time as people type them on the command line."""

import pandas as pd

from freesh_plugin.core.errors import ForecastError


def moment(option: str, text: str) -> pd.Timestamp:
    """A moment in UTC; a naive one is UTC.

    Raises:
        ForecastError: it is no date.
    """
    found = pd.to_datetime(text, errors="coerce", format="ISO8601")
    if pd.isna(found):
        raise ForecastError(f"{option}: '{text}' is not a date such as 2023-05-01 or 2023-05-01T06:00Z")
    return found.tz_localize("UTC") if found.tz is None else found.tz_convert("UTC")


def is_whole_day(text: str) -> bool:
    """Whether a moment was given as a bare date, which stands for the whole day."""
    return "T" not in text.upper() and ":" not in text


def seconds(option: str, text: str) -> int:
    """A length such as 10min or 1h in seconds, not negative, at most a day.

    Raises:
        ForecastError: it is no length of time, or out of range.
    """
    try:
        length_s = pd.Timedelta(text).total_seconds()
    except ValueError as error:
        raise ForecastError(f"{option}: '{text}' is not a length of time such as 10min") from error
    if not 0 <= length_s <= 86_400:
        raise ForecastError(f"{option}: {text} is {length_s:.0f} s, must be from 0 to 86400 s")
    return int(length_s)
