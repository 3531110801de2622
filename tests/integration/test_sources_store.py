"""The plan and forecast store on SQLite and on a real PostgreSQL: round trips, order, idempotence, faults."""

import dataclasses
import multiprocessing
import resource
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from freesh_plugin.core.errors import ConfigError, FreeshError, PlanError, SourceError
from models.domain.forecast import DataState, QuantileForecast, Reading
from models.domain.records import (
    AcknowledgementRecord,
    EventRecord,
    ForecastRecord,
    IssueRecord,
    PlanningStore,
    PlanRecord,
)
from models.sources.store import SqlPlanningStore
from tests.fakes.postgres_server import postgres_server

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/store.db"
    server: str = request.getfixturevalue("postgres")
    engine = sa.create_engine(server, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    return server


@pytest.fixture
def store(url: str) -> PlanningStore:
    return SqlPlanningStore(url)


def reading(fetched_at: datetime, value: float) -> Reading:
    times = pd.date_range("2026-03-01 10:00", periods=3, freq="30min", tz="UTC")
    rows = pd.DataFrame(
        {"time": times, "zone": "GB", "carbon_gco2e_per_kwh": [value, np.nan, -3.5], "forecast_neso": [1.0, 2.0, 3.0]}
    )
    return Reading("NESO, CC BY 4.0", DataState.OK, fetched_at, times[-1] + timedelta(minutes=30), rows, "2 dropped")


def forecast(epoch: int, state: DataState = DataState.OK, mean: float = 1.5) -> ForecastRecord:
    one = QuantileForecast(
        series="SS",
        issued_at=NOON,
        starts_at=NOON + timedelta(minutes=10),
        step_s=300,
        levels=(0.1, 0.9),
        mean=np.array([mean, 0.1 + 0.2]),
        quantiles=np.array([[1.0, 2.0], [3.0, 4.0]]),
        model="persistence",
        note="ünïcode",
        labels={"partition": "a", "request_class": "SS"},
    )
    forecasts = () if state is DataState.NO_DATA else (one,)
    return ForecastRecord("demand", epoch, NOON, state, "synthetic", forecasts, age_s=12.5, note="a note")


def plan(epoch: int, revision: int, digest: str = "sha256:aa") -> PlanRecord:
    return PlanRecord(epoch, revision, "act", digest, b'{"plan": "\xc3\xbc"}', NOON + timedelta(seconds=revision))


def acknowledgement(endpoint: str, at: datetime, accepted: bool = True) -> AcknowledgementRecord:
    return AcknowledgementRecord(7, 1, endpoint, accepted, 200 if accepted else None, "no answer in 10 s", at)


def test_reading_comes_back_as_it_was(store: PlanningStore) -> None:
    assert store.last_reading("carbon GB") is None
    kept = reading(NOON, 180.25)
    store.save_reading("carbon GB", kept)
    found = store.last_reading("carbon GB")
    assert found is not None
    pd.testing.assert_frame_equal(found.rows, kept.rows)
    assert (found.source, found.state, found.fetched_at, found.known_until, found.note) == (
        kept.source,
        kept.state,
        kept.fetched_at,
        kept.known_until,
        kept.note,
    )
    assert store.last_reading("carbon DE") is None


def test_a_late_task_does_not_replace_newer_rows(store: PlanningStore) -> None:
    store.save_reading("k", reading(NOON, 2.0))
    store.save_reading("k", reading(NOON - timedelta(minutes=30), 1.0))
    store.save_reading("k", Reading("s", DataState.NO_DATA, None, None, pd.DataFrame(), "nothing"))
    kept = store.last_reading("k")
    assert kept is not None
    assert kept.rows["carbon_gco2e_per_kwh"][0] == 2.0
    store.save_reading("k", reading(NOON + timedelta(minutes=30), 3.0))
    newer = store.last_reading("k")
    assert newer is not None
    assert newer.rows["carbon_gco2e_per_kwh"][0] == 3.0


def test_forecast_comes_back_as_it_was(store: PlanningStore) -> None:
    record = forecast(7)
    store.save_forecast(record)
    found = store.forecast("demand", 7)
    assert found is not None
    (one,), (original,) = found.forecasts, record.forecasts
    np.testing.assert_array_equal(one.mean, original.mean)
    np.testing.assert_array_equal(one.quantiles, original.quantiles)
    assert one.quantile(0.9).tolist() == [3.0, 4.0]
    for field in ("series", "issued_at", "starts_at", "step_s", "levels", "model", "note", "labels"):
        assert getattr(one, field) == getattr(original, field)
    for field in ("kind", "epoch", "issued_at", "state", "source", "age_s", "note"):
        assert getattr(found, field) == getattr(record, field)
    assert store.forecast("carbon", 7) is None


def test_forecast_of_an_epoch_is_replaced(store: PlanningStore) -> None:
    store.save_forecast(forecast(7, mean=1.0))
    store.save_forecast(forecast(7, mean=9.0))
    found = store.forecast("demand", 7)
    assert found is not None
    assert found.forecasts[0].mean[0] == 9.0


def test_last_forecast_passes_over_those_without_data(store: PlanningStore) -> None:
    for record in (forecast(5), forecast(6, DataState.STALE), forecast(7, DataState.NO_DATA), forecast(8)):
        store.save_forecast(record)
    last = store.last_forecast("demand", before_epoch=8)
    assert last is not None
    assert (last.epoch, last.state) == (6, DataState.STALE)
    assert store.last_forecast("demand", before_epoch=5) is None
    empty = store.forecast("demand", 7)
    assert empty is not None
    assert empty.forecasts == ()


def test_forecast_that_is_not_finite_is_refused(store: PlanningStore) -> None:
    with pytest.raises(SourceError, match="demand forecast of epoch 7: a number is not finite"):
        store.save_forecast(forecast(7, mean=float("nan")))


def test_plans_are_found_by_epoch_revision_and_order(store: PlanningStore) -> None:
    for record in (plan(7, 1), plan(7, 3), plan(7, 2), plan(5, 9)):
        store.save_plan(record)
    assert store.plan(7) == plan(7, 3)
    assert store.plan(7, 2) == plan(7, 2)
    assert store.plan(7, 4) is store.plan(6) is None
    assert store.plan_before(7) == plan(5, 9)
    assert store.plan_before(5) is None
    assert [(each.epoch, each.revision) for each in store.plans()] == [(7, 3), (7, 2), (7, 1), (5, 9)]
    assert len(store.plans(limit=2)) == 2


def test_a_plan_is_stored_once(store: PlanningStore) -> None:
    store.save_plan(plan(7, 1))
    store.save_plan(plan(7, 1))
    assert len(store.plans()) == 1
    with pytest.raises(PlanError, match="epoch 7 revision 1 is stored with digest sha256:aa, not sha256:bb"):
        store.save_plan(plan(7, 1, "sha256:bb"))
    assert store.plan(7) == plan(7, 1)


def test_acknowledgements_are_kept_in_order_and_once(store: PlanningStore) -> None:
    records = [
        acknowledgement("gate", NOON, accepted=False),
        acknowledgement("gate", NOON + timedelta(seconds=2)),
        acknowledgement("node", NOON + timedelta(seconds=1)),
    ]
    for record in [*records, records[0]]:
        store.save_acknowledgement(record)
    assert store.acknowledgements(7, 1) == (records[0], records[2], records[1])
    assert store.acknowledgements(7, 2) == ()


def test_what_is_stored_survives_opening_it_again(url: str) -> None:
    SqlPlanningStore(url).save_plan(plan(7, 1))
    assert SqlPlanningStore(url).plan(7) == plan(7, 1)


def test_a_store_from_before_events_and_issues_is_read_and_grows(url: str) -> None:
    SqlPlanningStore(url).save_plan(plan(1, 1))
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        for table in ("freesh_event", "freesh_provider_issue"):
            connection.execute(sa.text(f"DROP TABLE {table}"))
    opened = SqlPlanningStore(url)
    assert opened.plan(1) == plan(1, 1)
    event = EventRecord(1, "stock_lost", "m1", NOON, "m1 is gone.", {"model": "x"}, 1.5)
    opened.save_event(event)
    opened.save_event(dataclasses.replace(event, reason="another word"))
    assert opened.events(1) == (event,)
    issue = IssueRecord("k", NOON, NOON, 1_800, np.array([1.0, np.nan]))
    opened.save_issue(issue, keep_from=NOON)
    opened.save_issue(dataclasses.replace(issue, issued_at=NOON + timedelta(days=1)), keep_from=NOON + timedelta(1))
    (kept,) = opened.issues("k", NOON)
    assert kept.issued_at == NOON + timedelta(days=1), "what is from before is dropped"
    np.testing.assert_array_equal(kept.carbon_gco2e_per_kwh, issue.carbon_gco2e_per_kwh)


def _write_much(url: str, writer: int) -> None:
    store = SqlPlanningStore(url)
    for i in range(10):
        store.save_plan(plan(i, 1))
        store.save_forecast(forecast(i, mean=float(writer)))
        store.save_reading("shared", reading(NOON + timedelta(seconds=i), float(i)))
        store.save_acknowledgement(acknowledgement(f"endpoint-{writer}", NOON + timedelta(seconds=i)))


def test_three_processes_write_at_once_and_lose_nothing(url: str) -> None:
    """None has made the tables before: they race for that as well."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_much, args=(url, writer)) for writer in range(3)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert [each.exitcode for each in writers] == [0, 0, 0]
    store = SqlPlanningStore(url)
    assert len(store.plans()) == 10
    assert len(store.acknowledgements(7, 1)) == 30
    assert {store.forecast("demand", i) is not None for i in range(10)} == {True}
    kept = store.last_reading("shared")
    assert kept is not None
    assert kept.rows["carbon_gco2e_per_kwh"][0] == 9.0


def test_a_store_of_a_newer_version_is_not_touched(url: str) -> None:
    SqlPlanningStore(url)
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text("UPDATE freesh_schema_version SET version = 2"))
    with pytest.raises(SourceError, match="schema version 2, this program knows 1"):
        SqlPlanningStore(url)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("no url", "store URL cannot be used"),
        ("nosuchdb://host/db", "store URL cannot be used"),
        ("sqlite://", "SQLite database in memory"),
        ("sqlite:///:memory:", "SQLite database in memory"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(bad: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SqlPlanningStore(bad)


def test_a_database_out_of_reach_is_named_without_its_password() -> None:
    with pytest.raises(SourceError, match="store postgresql") as caught:
        SqlPlanningStore("postgresql+psycopg://me:secret@127.0.0.1:1/db")
    assert "secret" not in str(caught.value)


def test_a_path_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="folder cannot be made"):
        SqlPlanningStore(f"sqlite:///{tmp_path}/file/store.db")
    (tmp_path / "store.db").mkdir()
    with pytest.raises(SourceError, match=r"store\.db: unable to open database file"):
        SqlPlanningStore(f"sqlite:///{tmp_path}/store.db")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"not a database " * 100)
    with pytest.raises(SourceError, match=r"store\.db: file is not a database"):
        SqlPlanningStore(f"sqlite:///{tmp_path}/store.db")


def test_a_read_only_database_is_named(tmp_path: Path) -> None:
    SqlPlanningStore(f"sqlite:///{tmp_path}/store.db").save_plan(plan(7, 1))
    read_only = f"sqlite:///file:{tmp_path}/store.db?mode=ro&uri=true"
    with pytest.raises(FreeshError, match="readonly"):
        SqlPlanningStore(read_only).save_plan(plan(8, 1))


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    store = SqlPlanningStore(f"sqlite:///{tmp_path}/store.db")
    store.save_plan(plan(7, 1))
    big = PlanRecord(8, 1, "act", "sha256:cc", b"x" * 4_000_000, NOON)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file may grow beyond 1 MB: for SQLite the same as a disk that ends there.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(SourceError, match=r"store\.db: (disk I/O error|database or disk is full)"):
            store.save_plan(big)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store.plans() == (plan(7, 1),)
    store.save_plan(big)
    assert store.plan(8) == big


def test_sqlite_writes_ahead_and_waits_for_others(tmp_path: Path) -> None:
    store = SqlPlanningStore(f"sqlite:///{tmp_path}/store.db")
    reader = sqlite3.connect(tmp_path / "store.db")
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM freesh_plan").fetchone() == (0,)
    store.save_plan(plan(7, 1))
    assert reader.execute("SELECT count(*) FROM freesh_plan").fetchone() == (0,)
    reader.close()
    assert store.plan(7) == plan(7, 1)
