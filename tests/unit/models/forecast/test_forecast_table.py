"""Tables of past rows: what is read, what is ignored, and the one sentence for what cannot be read."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import ForecastError
from models.forecast.table import carbon_grids, demand_grids
from tests.fakes.series import as_table, hourly_carbon, ten_minute_demand


def written(folder: Path, text: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_csv_and_parquet_read_the_same(tmp_path: Path) -> None:
    table = as_table(hourly_carbon(3), "carbon_gco2e_per_kwh", zone="DE")
    table.to_csv(tmp_path / "a.csv", index=False)
    table.to_parquet(tmp_path / "a.parquet")

    csv, parquet = carbon_grids(tmp_path / "a.csv")[0], carbon_grids(tmp_path / "a.parquet")[0]

    np.testing.assert_allclose(csv.values, parquet.values)
    assert csv.start == parquet.start == pd.Timestamp("2024-01-01T00:00Z")


def test_a_table_indexed_by_time_is_read(tmp_path: Path) -> None:
    as_table(ten_minute_demand(2), "demand_rps").set_index("time").to_parquet(tmp_path / "a.parquet")

    assert demand_grids(tmp_path / "a.parquet")[0].rows == 288


def test_zones_come_apart_by_name_and_unknown_columns_are_ignored(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "time,zone,carbon_gco2e_per_kwh,comment,forecast_wind\n"
        "2024-01-01 01:00,B,5,x,\n2024-01-01 00:00,A,1,y,7\n2024-01-01 01:00,A,2,,8\n2024-01-01 00:00,B,-4,z,\n",
    )

    first, second = carbon_grids(path)

    assert (first.series, first.columns, first.values.tolist()) == ("A", ("forecast_wind",), [1.0, 2.0])
    assert (second.series, second.columns, second.values.tolist()) == ("B", (), [-4.0, 5.0])  # empty for B: dropped


def test_naive_and_offset_times_are_both_utc(tmp_path: Path) -> None:
    path = written(tmp_path, "time,demand_rps\n2024-01-01T00:00,1\n2024-01-01T01:30+01:00,2\n2024-01-01T01:00:00Z,3\n")

    assert demand_grids(path)[0].values.tolist() == [1.0, 2.0, 3.0]


def test_an_empty_value_is_missing_and_series_default_to_demand(tmp_path: Path) -> None:
    path = written(
        tmp_path, "time,demand_rps\n2024-01-01 00:00,1\n2024-01-01 00:10,\n2024-01-01 00:20,NaN\n2024-01-01 00:30,4\n"
    )

    grid = demand_grids(path)[0]

    assert grid.series == "demand"
    np.testing.assert_equal(grid.values, [1.0, np.nan, np.nan, 4.0])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the file is empty"),
        ("time,zone,carbon_gco2e_per_kwh\n", "the table has no rows"),
        ("\n\n\n", "neither a CSV nor a parquet table"),
        (
            "time,zone,carbon_gco2e_kwh\n2024-01-01,A,1\n",
            "'carbon_gco2e_per_kwh' is missing, nearest is 'carbon_gco2e_kwh'",
        ),
        ("a,b\n1,2\n", "column 'time' is missing, it has a, b"),
        ("time,carbon_gco2e_per_kwh\n2024-01-01,1\n", "column 'zone' is missing"),
        ("time,zone,carbon_gco2e_per_kwh\nsoon,A,1\n", "column 'time' is 'soon' in row 1, not a date"),
        ("time,zone,carbon_gco2e_per_kwh\n,A,1\n", "column 'time' is 'nan' in row 1, not a date"),
        ("time,zone,carbon_gco2e_per_kwh\n3600,A,1\n", "column 'time' holds numbers, not dates"),
        ("time,zone,carbon_gco2e_per_kwh\n2024-01-01,,1\n", "column 'zone' is empty in row 1"),
        (
            "time,zone,carbon_gco2e_per_kwh\n2024-01-01,A,many\n",
            "'carbon_gco2e_per_kwh' is 'many' in row 1, not a number",
        ),
        ("time,zone,carbon_gco2e_per_kwh\n2024-01-01,A,\n", "series A: no row holds a value"),
        (b"PAR1 but not really", "neither a CSV nor a parquet table"),
        (bytes(range(256)), "neither a CSV nor a parquet table"),
        ("<html><body>502, bad gateway</body>\n</html>\n", "column 'time' is missing"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    with pytest.raises(ForecastError) as caught:
        carbon_grids(written(tmp_path, text))

    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(ForecastError, match="no such file"):
            carbon_grids(path)


def test_negative_demand_is_refused_with_its_row(tmp_path: Path) -> None:
    path = written(tmp_path, "time,demand_rps\n2024-01-01 00:00,1\n2024-01-01 00:10,-2\n")

    with pytest.raises(ForecastError, match="'demand_rps' is negative in row 2, at least 0 req/s"):
        demand_grids(path)
