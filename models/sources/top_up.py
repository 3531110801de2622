"""Reading sparingly: kept rows stand while nothing new is due, and are else topped up where they may have changed."""

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta

import pandas as pd

from freesh_plugin.core.errors import SourceError
from models.domain.forecast import Reading
from models.domain.records import PlanningStore
from models.sources.ports import Fetched, Publishing
from models.sources.reading import read_or_last_known

ROOM = timedelta(days=1)
"""Kept rows that begin this much later than what is asked for do not stand for a whole reading."""


def read_sparingly(
    fetch: Callable[[datetime], Fetched],
    *,
    since: datetime,
    key: str,
    store: PlanningStore,
    now: datetime,
    source: str,
    publishing: Publishing,
    kept_since: datetime | None = None,
) -> Reading:
    """A reading, or the last one known, with as few and as short requests as the provider's way of publishing allows.

    Rows kept for less than the publisher's interval are used as they are. Older ones are read again from where the
    provider may still revise them; what lies before stays as it was kept. A past slot (rows kept later than `now`) and
    a provider whose `revised_within` is None are read whole.

    Args:
        fetch: Asks the source for rows from a moment on; raises SourceError when it fails.
        since: Where the rows shall begin, aware UTC.
        key: Under which the rows are kept.
        store: Where they are kept.
        now: Moment of the reading, aware UTC; the data cut-off when a past slot is filled in.
        source: Name of the source.
        publishing: How the provider publishes.
        kept_since: Rows that are kept may reach back as far as this; None = as `since`.
    """
    kept = _kept(store, key, now) if publishing.revised_within is not None else None
    if kept is not None and _is_fresh(kept, now, publishing):
        return dataclasses.replace(kept, rows=_from(kept.rows, kept_since or since))
    return read_or_last_known(
        lambda: fetch(since) if kept is None else _topped_up(fetch, kept, since, kept_since or since, now, publishing),
        key=key,
        store=store,
        now=now,
        source=source,
        max_age=publishing.max_age,
    )


def _kept(store: PlanningStore, key: str, now: datetime) -> Reading | None:
    """What is kept, unless it was read later than `now` or holds nothing; a store that fails keeps nothing."""
    try:
        kept = store.last_reading(key)
    except SourceError:
        return None
    if kept is None or kept.fetched_at is None or kept.known_until is None or kept.rows.empty:
        return None
    return kept if kept.fetched_at <= now else None


def _is_fresh(kept: Reading, now: datetime, publishing: Publishing) -> bool:
    """Whether nothing new is due yet, and what is known is not stale."""
    if kept.fetched_at is None or kept.known_until is None:
        return False
    return now - kept.fetched_at < publishing.updated_every and now - kept.known_until <= publishing.max_age


def _topped_up(
    fetch: Callable[[datetime], Fetched],
    kept: Reading,
    since: datetime,
    kept_since: datetime,
    now: datetime,
    publishing: Publishing,
) -> Fetched:
    begins_late = kept.rows["time"].min() > pd.Timestamp(since + ROOM)
    if begins_late or kept.known_until is None or publishing.revised_within is None:
        fresh = fetch(since)
    else:
        fresh = fetch(max(since, min(kept.known_until, now) - publishing.revised_within))
    before = _from(kept.rows, kept_since)
    before = before[before["time"] < fresh.rows["time"].min()]
    return Fetched(pd.concat([before, fresh.rows], ignore_index=True) if len(before) else fresh.rows, fresh.note)


def _from(rows: pd.DataFrame, since: datetime) -> pd.DataFrame:
    return rows[rows["time"] >= pd.Timestamp(since)]
