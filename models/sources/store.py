"""The one plan and forecast store, on SQLite by default or any database that SQLAlchemy speaks."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

import numpy as np
import sqlalchemy as sa

from freesh_plugin.core.errors import PlanError, SourceError
from models.domain.forecast import DataState, Reading
from models.domain.records import (
    AcknowledgementRecord,
    EventRecord,
    ForecastKind,
    ForecastRecord,
    IssueRecord,
    PlanRecord,
)
from models.sources.planning_store import tables
from models.sources.planning_store.database import Database
from models.sources.planning_store.documents import forecast_document, forecast_record, table, table_bytes


class SqlPlanningStore:
    """Implements `PlanningStore`. Safe under several writers at once; every write is one transaction."""

    def __init__(self, url: str) -> None:
        """Open the database (`sqlite:////srv/freesh/freesh.db`, `postgresql+psycopg://…`), made if need be.

        Raises:
            ConfigError: the URL cannot be used.
            SourceError: the database cannot be reached or written, or belongs to a newer version.
        """
        self._database = Database(url)

    def __enter__(self) -> Self:
        """The store itself; see `close`."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the store."""
        self.close()

    def close(self) -> None:
        """Let go of what the store holds; connections live for one transaction, so nothing is lost without it."""
        self._database.close()

    def save_reading(self, key: str, reading: Reading) -> None:
        """Keep the rows under that key unless newer ones are kept; a reading without data is not kept.

        Raises:
            SourceError: the store failed; what was kept before is still there.
        """
        if reading.fetched_at is None:
            return
        kept = tables.readings
        values = {
            "key": key,
            "source": reading.source,
            "state": reading.state.value,
            "fetched_at": reading.fetched_at,
            "known_until": reading.known_until,
            "note": reading.note,
            "rows_parquet": table_bytes(reading.rows),
        }

        def work(connection: sa.Connection) -> None:
            older = sa.and_(kept.c.key == key, kept.c.fetched_at <= reading.fetched_at)
            if connection.execute(sa.update(kept).where(older).values(values)).rowcount:
                return
            # A task that was late must not replace what a later one has read.
            if connection.execute(sa.select(kept.c.key).where(kept.c.key == key)).first() is None:
                connection.execute(sa.insert(kept).values(values))

        self._database.attempt(work, SourceError)

    def last_reading(self, key: str) -> Reading | None:
        """The last rows kept under that key.

        Raises:
            SourceError: the store failed.
        """
        for row in self._rows(sa.select(tables.readings).where(tables.readings.c.key == key)):
            return Reading(
                source=row.source,
                state=DataState(row.state),
                fetched_at=row.fetched_at,
                known_until=row.known_until,
                rows=table(row.rows_parquet),
                note=row.note,
            )
        return None

    def save_forecast(self, record: ForecastRecord) -> None:
        """Store the forecasts of (kind, epoch), replacing an earlier record of the same.

        Raises:
            SourceError: a number is not finite, or the store failed.
        """
        values: dict[str, object] = {
            "kind": record.kind,
            "epoch": record.epoch,
            "issued_at": record.issued_at,
            "state": record.state.value,
            "document": forecast_document(record),
        }
        self._database.attempt(
            lambda connection: self._database.upsert(connection, tables.forecasts, values), SourceError
        )

    def forecast(self, kind: ForecastKind, epoch: int) -> ForecastRecord | None:
        """The forecasts for the slot of that epoch.

        Raises:
            SourceError: the store failed.
        """
        stored = tables.forecasts
        return self._forecast(sa.select(stored).where(stored.c.kind == kind, stored.c.epoch == epoch))

    def last_forecast(self, kind: ForecastKind, before_epoch: int) -> ForecastRecord | None:
        """The newest forecasts with data (state ok or stale) for an earlier epoch.

        Raises:
            SourceError: the store failed.
        """
        stored = tables.forecasts
        return self._forecast(
            sa.select(stored)
            .where(stored.c.kind == kind, stored.c.epoch < before_epoch, stored.c.state != DataState.NO_DATA.value)
            .order_by(stored.c.epoch.desc())
            .limit(1)
        )

    def save_plan(self, record: PlanRecord) -> None:
        """Store a plan. The same text again is accepted; another digest for a stored (epoch, revision) is not.

        Raises:
            PlanError: that (epoch, revision) is stored with another digest.
            SourceError: the store failed.
        """
        stored = tables.plans
        key = (stored.c.epoch == record.epoch, stored.c.revision == record.revision)

        def work(connection: sa.Connection) -> str:
            found = connection.execute(sa.select(stored.c.digest).where(*key)).scalar()
            if found is None:
                connection.execute(sa.insert(stored).values(_fields(record, stored)))
            return found or record.digest

        digest = self._database.attempt(work, SourceError)
        if digest != record.digest:
            raise PlanError(
                f"epoch {record.epoch} revision {record.revision} is stored with digest {digest}, not {record.digest}"
            )

    def plan(self, epoch: int, revision: int | None = None) -> PlanRecord | None:
        """A plan by epoch and revision, or its newest revision.

        Raises:
            SourceError: the store failed.
        """
        query = _newest_plans(1).where(tables.plans.c.epoch == epoch)
        return self._plan(query if revision is None else query.where(tables.plans.c.revision == revision))

    def plan_before(self, epoch: int) -> PlanRecord | None:
        """The newest plan for an earlier epoch.

        Raises:
            SourceError: the store failed.
        """
        return self._plan(_newest_plans(1).where(tables.plans.c.epoch < epoch))

    def plans(self, limit: int = 100) -> tuple[PlanRecord, ...]:
        """The newest plans, newest first.

        Raises:
            SourceError: the store failed.
        """
        return tuple(PlanRecord(**row._mapping) for row in self._rows(_newest_plans(limit)))

    def save_acknowledgement(self, record: AcknowledgementRecord) -> None:
        """Record what an endpoint said; the same record again changes nothing.

        Raises:
            SourceError: the store failed.
        """
        values = _fields(record, tables.acknowledgements)
        self._database.attempt(
            lambda connection: self._database.upsert(connection, tables.acknowledgements, values), SourceError
        )

    def acknowledgements(self, epoch: int, revision: int) -> tuple[AcknowledgementRecord, ...]:
        """What was said of one plan, oldest first.

        Raises:
            SourceError: the store failed.
        """
        stored = tables.acknowledgements
        query = sa.select(stored).where(stored.c.epoch == epoch, stored.c.revision == revision)
        rows = self._rows(query.order_by(stored.c.at, stored.c.endpoint))
        return tuple(AcknowledgementRecord(**row._mapping) for row in rows)

    def save_event(self, record: EventRecord) -> None:
        """Store what happened, unless the same cause is stored for that slot already.

        Raises:
            SourceError: the store failed.
        """
        stored = tables.events
        cause = (
            stored.c.epoch == record.epoch,
            stored.c.kind == record.kind,
            stored.c.subject == record.subject,
        )

        def work(connection: sa.Connection) -> None:
            if connection.execute(sa.select(stored.c.epoch).where(*cause)).first() is None:
                connection.execute(sa.insert(stored).values(_fields(record, stored) | {"labels": dict(record.labels)}))

        self._database.attempt(work, SourceError)

    def events(self, epoch: int) -> tuple[EventRecord, ...]:
        """What made the slot of that epoch be planned again, by kind and subject.

        Raises:
            SourceError: the store failed.
        """
        stored = tables.events
        query = sa.select(stored).where(stored.c.epoch == epoch).order_by(stored.c.kind, stored.c.subject)
        return tuple(EventRecord(**row._mapping) for row in self._rows(query))

    def save_issue(self, record: IssueRecord, *, keep_from: datetime) -> None:
        """Keep a provider's forecast, replacing one of the same moment; drop those of its key from before.

        Raises:
            SourceError: the store failed.
        """
        kept = tables.issues
        values: dict[str, object] = {
            "key": record.key,
            "issued_at": record.issued_at,
            "starts_at": record.starts_at,
            "step_s": record.step_s,
            "carbon_f8le": np.ascontiguousarray(record.carbon_gco2e_per_kwh, dtype="<f8").tobytes(),
        }

        def work(connection: sa.Connection) -> None:
            self._database.upsert(connection, kept, values)
            connection.execute(sa.delete(kept).where(kept.c.key == record.key, kept.c.issued_at < keep_from))

        self._database.attempt(work, SourceError)

    def issues(self, key: str, since: datetime) -> tuple[IssueRecord, ...]:
        """The forecasts kept under that key that were issued at `since` or later, oldest first.

        Raises:
            SourceError: the store failed.
        """
        kept = tables.issues
        query = sa.select(kept).where(kept.c.key == key, kept.c.issued_at >= since).order_by(kept.c.issued_at)
        return tuple(
            IssueRecord(row.key, row.issued_at, row.starts_at, row.step_s, np.frombuffer(row.carbon_f8le, "<f8"))
            for row in self._rows(query)
        )

    def _rows(self, query: sa.Select[Any]) -> list[sa.Row[Any]]:
        return self._database.attempt(lambda connection: list(connection.execute(query)), SourceError)

    def _forecast(self, query: sa.Select[Any]) -> ForecastRecord | None:
        for row in self._rows(query):
            return forecast_record(row.kind, row.epoch, row.issued_at, row.state, row.document)
        return None

    def _plan(self, query: sa.Select[Any]) -> PlanRecord | None:
        for row in self._rows(query):
            return PlanRecord(**row._mapping)
        return None


def _newest_plans(limit: int) -> sa.Select[Any]:
    return sa.select(tables.plans).order_by(tables.plans.c.epoch.desc(), tables.plans.c.revision.desc()).limit(limit)


def _fields(record: object, into: sa.Table) -> dict[str, object]:
    """The record's fields by column; columns are named after them."""
    columns: Iterable[str] = into.columns.keys()
    return {name: getattr(record, name) for name in columns}
