"""Tables of the plan and forecast store, and their version."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

SCHEMA_VERSION = 1
"""A store written by a newer version of the program is not touched."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcMoment(TypeDecorator[datetime]):
    """An aware UTC time as whole microseconds since 1970: exact and ordered in every database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        """To microseconds; a naive time is a mistake of ours."""
        del dialect
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        """From microseconds."""
        del dialect
        return None if value is None else _EPOCH + value * _MICROSECOND


metadata = sa.MetaData()

schema_version = sa.Table(
    "freesh_schema_version",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
)

readings = sa.Table(
    "freesh_reading",
    metadata,
    sa.Column("key", sa.String(400), primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("fetched_at", UtcMoment, nullable=False),
    sa.Column("known_until", UtcMoment),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("rows_parquet", sa.LargeBinary, nullable=False),
)

forecasts = sa.Table(
    "freesh_forecast",
    metadata,
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("issued_at", UtcMoment, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)

plans = sa.Table(
    "freesh_plan",
    metadata,
    sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("mode", sa.String(20), nullable=False),
    sa.Column("digest", sa.String(100), nullable=False),
    sa.Column("text", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcMoment, nullable=False),
)

acknowledgements = sa.Table(
    "freesh_acknowledgement",
    metadata,
    sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("endpoint", sa.String(400), primary_key=True),
    sa.Column("at", UtcMoment, primary_key=True, autoincrement=False),
    sa.Column("accepted", sa.Boolean, nullable=False),
    sa.Column("status_code", sa.Integer),
    sa.Column("reason", sa.Text, nullable=False),
)

events = sa.Table(
    "freesh_event",
    metadata,
    sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(40), primary_key=True),
    sa.Column("subject", sa.String(400), primary_key=True),
    sa.Column("at", UtcMoment, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("measured_rps", sa.Float),
)

issues = sa.Table(
    "freesh_provider_issue",
    metadata,
    sa.Column("key", sa.String(400), primary_key=True),
    sa.Column("issued_at", UtcMoment, primary_key=True, autoincrement=False),
    sa.Column("starts_at", UtcMoment, nullable=False),
    sa.Column("step_s", sa.Integer, nullable=False),
    sa.Column("carbon_f8le", sa.LargeBinary, nullable=False),
)
