"""Forecasts of carbon that providers give: each issue kept as it was known, so that a model can learn to weigh them."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from models.domain.forecast import DataState, Reading
from models.domain.records import IssueRecord, PlanningStore
from models.sources.rows import CARBON, CLOCK_TOLERANCE, interval_of

KEPT = timedelta(days=60)
"""How long issues are kept."""

APART = timedelta(hours=1)
"""One issue of each hour is kept."""

COARSEST_S, FINEST_S = 3_600, 1_800
"""Lengths of the intervals that are kept, seconds: finer ones are averaged."""

LIVE = timedelta(hours=1)
"""A cut-off that is longer ago belongs to a past slot; what its source says now is no forecast of then."""


def provider_rows(
    column: str | None, key: str, reading: Reading, store: PlanningStore, *, cut_off: datetime, now: datetime
) -> pd.DataFrame | None:
    """Keep what the provider forecasts now; returns its issues up to the cut-off, None where there is none.

    Args:
        column: Of the reading's rows, with the provider's forecast; None = it gives none.
        key: Whose, and of which zone.
        reading: Rows of that zone.
        store: Where issues are kept.
        cut_off: Nothing issued later may be used, aware UTC.
        now: When the rows were read, aware UTC.

    Returns:
        `issued_at`, `time`, `carbon_gco2e_per_kwh`; moments are aware UTC.

    Raises:
        SourceError: the store failed.
    """
    if column is None:
        return None
    kept = store.issues(key, cut_off - KEPT)
    newest = _newest(column, key, reading, cut_off, now)
    if newest is not None and all(_hour(each.issued_at) != _hour(newest.issued_at) for each in kept):
        store.save_issue(newest, keep_from=newest.issued_at - KEPT)
    issues = [each for each in (*kept, newest) if each is not None and each.issued_at <= cut_off]
    return pd.concat([_rows(each) for each in issues], ignore_index=True) if issues else None


def _newest(column: str, key: str, reading: Reading, cut_off: datetime, now: datetime) -> IssueRecord | None:
    """What was read just now of the time ahead; nothing of rows that were kept, or of a past slot."""
    is_new = reading.state is DataState.OK and reading.fetched_at == cut_off and now - cut_off <= LIVE
    if not is_new or column not in reading.rows.columns:
        return None
    ahead = reading.rows.loc[reading.rows["time"] >= pd.Timestamp(cut_off).floor("h"), ["time", column]]
    series = ahead.dropna().set_index("time")[column].sort_index()
    if series.empty:
        return None
    step_s = min(int(interval_of(reading.rows["time"]).total_seconds()) or COARSEST_S, COARSEST_S)
    if step_s < FINEST_S:
        step_s = FINEST_S
    regular = series.resample(timedelta(seconds=step_s), origin="epoch").mean()
    # A run that is a few seconds late reads what was there at its cut-off; a later one may read what was not.
    issued_at = cut_off if now - cut_off <= CLOCK_TOLERANCE else now
    return IssueRecord(key, issued_at, regular.index[0].to_pydatetime(), step_s, regular.to_numpy(dtype=float))


def _rows(issue: IssueRecord) -> pd.DataFrame:
    values = np.asarray(issue.carbon_gco2e_per_kwh)
    times = pd.date_range(issue.starts_at, periods=len(values), freq=timedelta(seconds=issue.step_s))
    known = np.isfinite(values)
    return pd.DataFrame({"issued_at": pd.Timestamp(issue.issued_at), "time": times[known], CARBON: values[known]})


def _hour(moment: datetime) -> int:
    return int(moment.timestamp() // APART.total_seconds())
