"""The store's database: opened by URL, its tables made once by whoever comes first, its errors translated."""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from freesh_plugin.core.errors import ConfigError, FreeshError, SourceError
from models.sources.planning_store.tables import SCHEMA_VERSION, metadata, schema_version

log = logging.getLogger(__name__)
T = TypeVar("T")

BUSY_TIMEOUT_S = 10
"""How long a writer waits for another one before it gives up, seconds."""
_ATTEMPTS = 6
_FIRST_PAUSE_S = 0.05


class Database:
    """Transactions on one database. A connection lives for one transaction, so a fork inherits none."""

    def __init__(self, url: str) -> None:
        """Open `url` and make the tables that are missing.

        Raises:
            ConfigError: the URL is malformed, or an SQLite database in memory, which no other process would see.
            SourceError: the database cannot be reached or written, or belongs to a newer version.
        """
        self._engine = _engine(url)
        self.name = self._engine.url.render_as_string(hide_password=True)
        self.attempt(self._create, SourceError)

    def attempt(self, work: Callable[[sa.Connection], T], error_class: type[FreeshError]) -> T:
        """Do work in one transaction; another writer in the way means once more, within a bound.

        Raises:
            error_class: the database failed (full, read-only, gone, locked for too long); nothing was written.
        """
        for pause_s in _pauses():
            try:
                with self._engine.begin() as connection:
                    return work(connection)
            except (exc.SQLAlchemyError, sqlite3.Error) as error:
                if pause_s is None or not _may_pass(error):
                    raise error_class(f"store {self.name}: {_reason(error)}") from error
                log.debug("store_busy store=%s again_in_s=%.2f", self.name, pause_s)
                time.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def upsert(self, connection: sa.Connection, table: sa.Table, values: dict[str, object]) -> None:
        """Replace the row of the same primary key, or insert it; portable over databases."""
        key = [column == values[column.name] for column in table.primary_key]
        if connection.execute(sa.update(table).where(*key).values(values)).rowcount == 0:
            connection.execute(sa.insert(table).values(values))

    def close(self) -> None:
        """Let go of the engine."""
        self._engine.dispose()

    def _create(self, connection: sa.Connection) -> None:
        metadata.create_all(connection)
        found = connection.execute(sa.select(schema_version.c.version)).scalar()
        if found is None:
            connection.execute(sa.insert(schema_version).values(id=1, version=SCHEMA_VERSION))
        elif found != SCHEMA_VERSION:
            raise SourceError(f"store {self.name}: schema version {found}, this program knows {SCHEMA_VERSION}")


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        engine = sa.create_engine(parsed, poolclass=sa.NullPool)
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError, ValueError) as error:
        raise ConfigError(f"store URL cannot be used: {error}") from error
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise ConfigError("store URL names an SQLite database in memory; name a file: sqlite:///path/freesh.db")
        _prepare_sqlite(engine, Path(str(parsed.database)))
    return engine


def _prepare_sqlite(engine: sa.Engine, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"store {path}: folder cannot be made: {error.strerror}") from error

    @sa.event.listens_for(engine, "connect")
    def settings(connection: object, record: object) -> None:
        del record
        cursor = connection.cursor()  # type: ignore[attr-defined]  # the driver's own connection
        # Before journal_mode: changing that waits for other connections as well.
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()


def _may_pass(error: Exception) -> bool:
    """Whether another writer may have caused it: the same key or table made at once, a lock, a deadlock."""
    if isinstance(error, exc.IntegrityError):
        return True
    text = _reason(error).lower()
    return any(each in text for each in ("locked", "already exists", "deadlock", "serialize", "duplicate key"))


def _reason(error: Exception) -> str:
    """The driver's own words, one line, without the statement and its values."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _pauses() -> Iterator[float | None]:
    """Pauses after each attempt, seconds; None after the last."""
    for attempt in range(_ATTEMPTS - 1):
        yield _FIRST_PAUSE_S * 2**attempt
    yield None
