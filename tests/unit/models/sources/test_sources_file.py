"""Carbon and traffic from files: both formats, time zones, clock changes, and tables that must be refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from freesh_plugin.core.errors import SourceError
from freesh_plugin.core.request import CellGrid
from models.sources.file import FileCarbon, FilePrices, FileTraffic

START = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)


def carbon_table(hours: int = 48, zone: str = "DE") -> pd.DataFrame:
    times = pd.date_range(START, periods=hours, freq="1h")
    return pd.DataFrame(
        {
            "time": times,
            "zone": zone,
            "carbon_gco2e_per_kwh": [300.0 + k for k in range(hours)],
            "forecast_wind": [k / 10 for k in range(hours)],
            "solar": 1.0,
        }
    )


def write(path: Path, table: pd.DataFrame) -> Path:
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", ["carbon.csv", "carbon.parquet"])
def test_carbon_is_read_from_both_formats(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, pd.concat([carbon_table(), carbon_table(zone="FR")]))
    source = FileCarbon(path)
    cut_off = START + timedelta(hours=5, minutes=30)
    rows = source.fetch(["DE"], START + timedelta(hours=2), START + timedelta(hours=8), cut_off=cut_off).rows
    assert source.name == f"file {name}"
    assert list(rows.columns) == ["time", "zone", "carbon_gco2e_per_kwh", "forecast_wind"]
    assert rows["time"].tolist() == list(pd.date_range(START + timedelta(hours=2), periods=6, freq="1h"))
    assert rows["carbon_gco2e_per_kwh"].tolist()[:3] == [302, 303, 304]
    assert rows["carbon_gco2e_per_kwh"].isna().tolist() == [False] * 3 + [True] * 3
    assert rows["forecast_wind"].notna().all()
    assert set(rows["zone"]) == {"DE"}


def test_naive_times_are_utc_and_offsets_are_honoured(tmp_path: Path) -> None:
    """Over the clock change of 2026-10-25 in Germany, local times with their offset never fold."""
    local = pd.date_range("2026-10-25 00:00", periods=5, freq="1h", tz="Europe/Berlin")
    table = pd.DataFrame({"time": [each.isoformat() for each in local], "zone": "DE", "carbon_gco2e_per_kwh": range(5)})
    begin = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    rows = (
        FileCarbon(write(tmp_path / "a.csv", table))
        .fetch(["DE"], begin, begin + timedelta(days=1), cut_off=begin + timedelta(days=1))
        .rows
    )
    assert rows["time"].tolist() == list(pd.date_range(begin, periods=5, freq="1h"))
    naive = table.assign(time=[f"2026-10-25T{hour:02}:00" for hour in range(5)])
    rows = (
        FileCarbon(write(tmp_path / "b.csv", naive))
        .fetch(["DE"], begin, begin + timedelta(days=1), cut_off=begin + timedelta(days=1))
        .rows
    )
    assert rows["time"].iloc[0] == pd.Timestamp("2026-10-25T00:00Z")


def test_local_times_without_offset_that_fold_are_missing(tmp_path: Path) -> None:
    stamps = pd.date_range("2026-10-25 00:00", periods=96, freq="1h", tz="Europe/Berlin").tz_localize(None)
    table = pd.DataFrame({"time": stamps, "zone": "DE", "carbon_gco2e_per_kwh": range(96)})
    end = datetime(2026, 11, 1, tzinfo=UTC)
    fetched = FileCarbon(write(tmp_path / "a.csv", table)).fetch(["DE"], START, end, cut_off=end)
    assert fetched.note == "2 of 96 rows contradict each other"
    assert pd.Timestamp("2026-10-25T02:00Z") not in set(fetched.rows["time"])


def test_unsorted_and_repeated_rows_are_put_right(tmp_path: Path) -> None:
    table = carbon_table()
    path = write(tmp_path / "a.csv", pd.concat([table.iloc[::-1], table.iloc[:3]]))
    end = START + timedelta(days=2)
    fetched = FileCarbon(path).fetch(["DE"], START, end, cut_off=end)
    assert fetched.note == ""
    assert fetched.rows["time"].is_monotonic_increasing
    assert len(fetched.rows) == 48


def test_single_implausible_values_are_missing_and_said(tmp_path: Path) -> None:
    table = carbon_table(100)
    table.loc[7, "carbon_gco2e_per_kwh"] = -9999
    table.loc[8, "carbon_gco2e_per_kwh"] = None
    end = START + timedelta(days=5)
    fetched = FileCarbon(write(tmp_path / "a.csv", table)).fetch(["DE"], START, end, cut_off=end)
    assert fetched.rows["carbon_gco2e_per_kwh"].isna().tolist()[7:9] == [True, True]
    assert fetched.rows["carbon_gco2e_per_kwh"].isna().sum() == 2
    assert fetched.note == (
        "1 of 100 rows have an implausible carbon_gco2e_per_kwh such as -9999.0, limits -2000 and 3000 gCO2e/kWh"
    )


CARBON_FAULTS = [
    (carbon_table().assign(carbon_gco2e_per_kwh=9_000), "48 of 48 rows have an implausible carbon_gco2e_per_kwh"),
    (carbon_table().assign(carbon_gco2e_per_kwh="much"), "48 of 48 rows have an implausible .* such as much"),
    (carbon_table().rename(columns={"zone": "zones"}), r"column 'zone' is missing; nearest known name is 'zones'"),
    (carbon_table().drop(columns="carbon_gco2e_per_kwh"), r"column 'carbon_gco2e_per_kwh' is missing"),
    (carbon_table().assign(time="soon"), r"no rows"),
    (carbon_table().assign(time=range(48)), r"column 'time' holds numbers"),
    (carbon_table(zone="FR"), r"no zone 'DE'; known names are 'FR'"),
    (carbon_table().iloc[:0], r"no zone 'DE'; known names are none"),
]


@pytest.mark.parametrize(("table", "message"), CARBON_FAULTS)
def test_tables_that_must_be_refused(tmp_path: Path, table: pd.DataFrame, message: str) -> None:
    end = START + timedelta(days=2)
    with pytest.raises(SourceError, match=message):
        FileCarbon(write(tmp_path / "a.csv", table)).fetch(["DE"], START, end, cut_off=end)


@pytest.mark.parametrize("content", [b"", b"PAR1 but not really", b"\xff\xfe\x00\x01", b"\n\n"])
def test_files_that_are_no_table_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.csv"):
        FileCarbon(tmp_path / "a.csv").fetch(["DE"], START, START, cut_off=START)
    with pytest.raises(SourceError, match=r"a\.csv"):
        FileTraffic(tmp_path / "a.csv").fetch(CellGrid(), START, START)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.csv: .*No such file"):
        FileCarbon(tmp_path / "nowhere.csv").fetch(["DE"], START, START, cut_off=START)


def test_a_range_without_rows_is_no_data(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", carbon_table())
    later = START + timedelta(days=30)
    with pytest.raises(SourceError, match=r"file a\.csv: no rows"):
        FileCarbon(path).fetch(["DE"], later, later + timedelta(days=1), cut_off=later)


def price_table(**columns: str | float) -> pd.DataFrame:
    times = pd.date_range(START, periods=48, freq="1h")
    table = pd.DataFrame({"time": times, "zone": "DE-LU", "price_usd_per_mwh": [50.0 - 2 * k for k in range(48)]})
    return table.assign(**columns)


@pytest.mark.parametrize("name", ["prices.csv", "prices.parquet"])
def test_prices_are_known_ahead(tmp_path: Path, name: str) -> None:
    source = FilePrices(write(tmp_path / name, price_table(note="x")))
    rows = source.fetch(["DE-LU"], START + timedelta(hours=24), START + timedelta(hours=30), cut_off=START).rows
    assert source.name == f"file {name}"
    assert list(rows.columns) == ["time", "zone", "price_usd_per_mwh"]
    assert rows["price_usd_per_mwh"].tolist() == [2, 0, -2, -4, -6, -8]


PRICE_FAULTS = [
    (price_table(price_usd_per_mwh=50_000), "48 of 48 rows have an implausible price_usd_per_mwh such as 50000"),
    (price_table(price_usd_per_mwh="dear"), "48 of 48 rows have an implausible price_usd_per_mwh such as dear"),
    (price_table().rename(columns={"price_usd_per_mwh": "price_eur_per_mwh"}), "column 'price_usd_per_mwh' is missing"),
    (price_table(zone="FR"), "no zone 'DE-LU'; known names are 'FR'"),
]


@pytest.mark.parametrize(("table", "message"), PRICE_FAULTS)
def test_prices_that_must_be_refused(tmp_path: Path, table: pd.DataFrame, message: str) -> None:
    source = FilePrices(write(tmp_path / "a.csv", table))
    with pytest.raises(SourceError, match=message):
        source.fetch(["DE-LU"], START, START + timedelta(days=2), cut_off=START)


def traffic_table(**columns: str | float) -> pd.DataFrame:
    times = pd.date_range(START, periods=6, freq="5min")
    cells = pd.DataFrame({"prompt_cell": ["0-512", "512-inf"], "answer_cell": "0-444"})
    table = pd.DataFrame({"time": times}).merge(cells, how="cross").assign(demand_rps=1.5)
    return table.assign(**columns)


@pytest.mark.parametrize("name", ["traffic.csv", "traffic.parquet"])
def test_traffic_is_read_up_to_the_last_whole_step(tmp_path: Path, name: str) -> None:
    source = FileTraffic(write(tmp_path / name, traffic_table(tier="batch")))
    rows = source.fetch(CellGrid(), START + timedelta(minutes=5), START + timedelta(minutes=24)).rows
    assert sorted(set(rows["time"])) == list(pd.date_range(START + timedelta(minutes=5), periods=3, freq="5min"))
    assert set(rows["tier"]) == {"batch"}
    assert set(rows["origin"]) == {"any"}
    assert set(rows["model"]) == {"default"}
    exact = source.fetch(CellGrid(), START, START + timedelta(minutes=25)).rows
    assert exact["time"].max() == START + timedelta(minutes=20)


TRAFFIC_FAULTS = [
    (traffic_table(demand_rps=-1.0), r"10 of 10 rows have an implausible demand_rps such as -1\.0, limits 0 and"),
    (traffic_table(prompt_cell="short"), r"cell label 'short' is not of the form"),
    (traffic_table().drop(columns="answer_cell"), r"column 'answer_cell' is missing"),
    (pd.concat([traffic_table(), traffic_table(demand_rps=2.0)]), r"20 of 20 rows contradict each other"),
]


@pytest.mark.parametrize(("table", "message"), TRAFFIC_FAULTS)
def test_traffic_that_must_be_refused(tmp_path: Path, table: pd.DataFrame, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        FileTraffic(write(tmp_path / "a.csv", table)).fetch(CellGrid(), START, START + timedelta(minutes=25))


def test_missing_traffic_stays_missing(tmp_path: Path) -> None:
    table = traffic_table()
    table.loc[3, "demand_rps"] = None
    rows = FileTraffic(write(tmp_path / "a.csv", table)).fetch(CellGrid(), START, START + timedelta(minutes=30)).rows
    assert len(rows) == 11


def test_a_file_without_cells_gives_totals(tmp_path: Path) -> None:
    table = traffic_table().drop(columns=["prompt_cell", "answer_cell"]).drop_duplicates("time")
    path = tmp_path / "totals.csv"
    table.to_csv(path, index=False)
    rows = FileTraffic(path).fetch(CellGrid((512,), (444,)), table["time"].min(), table["time"].max()).rows
    assert len(rows) > 0
    assert set(rows["prompt_cell"]) == set(rows["answer_cell"]) == {"0-inf"}
