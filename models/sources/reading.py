"""A reading of a source, or the last one known with its age, or an explicit state of no data; never a guess."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import pandas as pd

from freesh_plugin.core.errors import SourceError
from models.domain.forecast import DataState, Reading
from models.domain.records import PlanningStore
from models.sources.ports import Fetched
from models.sources.rows import CARBON, DEMAND, PRICE, interval_of

log = logging.getLogger(__name__)


def read_or_last_known(
    fetch: Callable[[], Fetched],
    *,
    key: str,
    store: PlanningStore,
    now: datetime,
    source: str,
    max_age: timedelta | None = None,
) -> Reading:
    """Fetch; when that fails, fall back on what the store kept under `key`.

    Args:
        fetch: Asks the source; raises SourceError when it fails.
        key: Under which the rows are kept.
        store: Where they are kept.
        now: When this is asked, aware UTC; the data cut-off when a past slot is filled in.
        source: Name of the source.
        max_age: Rows whose last known interval ended longer ago are stale even when just fetched; None = no limit.

    Returns:
        ok with fresh rows; stale with rows that are old, or that the store kept; no_data with none.
    """
    try:
        fetched = fetch()
        known_until = _known_until(fetched.rows, source)
    except SourceError as error:
        log.warning("source_failed source=%s key=%s error=%s", source, key, error)
        return _last_known(key, store, now, source, str(error))
    reading = Reading(source, DataState.OK, now, known_until, fetched.rows, fetched.note)
    try:
        store.save_reading(key, reading)
    except SourceError as error:
        # The rows are good; only the next failure would have nothing to fall back on.
        log.error("reading_not_kept key=%s error=%s", key, error)
        reading = _noted(reading, DataState.OK, f"not kept for later: {error}")
    if max_age is not None and now - known_until > max_age:
        reading = _noted(reading, DataState.STALE, f"{source} knows nothing newer than {_ago(now, known_until)}")
    return reading


def _last_known(key: str, store: PlanningStore, now: datetime, source: str, fault: str) -> Reading:
    try:
        last = store.last_reading(key)
    except SourceError as error:
        last, fault = None, f"{fault}; {error}"
    if last is None or last.known_until is None:
        empty = last.rows.iloc[:0] if last is not None else pd.DataFrame()
        return Reading(source, DataState.NO_DATA, None, None, empty, f"{fault}; nothing is known from before")
    return _noted(last, DataState.STALE, f"{fault}; last known rows end {_ago(now, last.known_until)}")


def _noted(reading: Reading, state: DataState, note: str) -> Reading:
    notes = "; ".join(each for each in (note, reading.note) if each)
    return Reading(reading.source, state, reading.fetched_at, reading.known_until, reading.rows, notes)


def _known_until(rows: pd.DataFrame, source: str) -> datetime:
    """End of the last interval with a value.

    Raises:
        SourceError: no row has one.
    """
    column = next((each for each in (CARBON, DEMAND, PRICE) if each in rows.columns), None)
    known = pd.Series(dtype="datetime64[us, UTC]") if column is None else rows.loc[rows[column].notna(), "time"]
    if known.empty:
        raise SourceError(f"{source}: no row holds a value")
    end: pd.Timestamp = known.max() + interval_of(rows["time"])
    return end.to_pydatetime()


def _ago(now: datetime, moment: datetime) -> str:
    minutes = (now - moment).total_seconds() / 60
    return f"{moment:%Y-%m-%d %H:%M} UTC, {abs(minutes):.0f} minutes {'ago' if minutes >= 0 else 'ahead'}"
