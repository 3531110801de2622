"""The converters follow their stated rules, on tables of a few rows."""

from pathlib import Path

import pandas as pd

from bench import convert_dacf, convert_hourly_zones, convert_servegen


def test_zones_keep_the_direct_column_only(tmp_path: Path) -> None:
    source = pd.DataFrame(
        {
            "Datetime (UTC)": pd.to_datetime(["2023-01-01"]),
            "Zone Id": ["DE"],
            "Carbon Intensity gCO₂eq/kWh (direct)": [300.0],
            "Carbon Intensity gCO₂eq/kWh (LCA)": [350.0],
            "Renewable Percentage": [40.0],
        }
    )
    source.to_parquet(tmp_path / "in.parquet")

    convert_hourly_zones.convert(tmp_path / "in.parquet", tmp_path / "out.parquet")

    made = pd.read_parquet(tmp_path / "out.parquet")
    assert list(made.columns) == ["time", "zone", "carbon_gco2e_per_kwh"]
    assert made["carbon_gco2e_per_kwh"].tolist() == [300.0]


def test_grids_keep_what_was_known_ahead_only(tmp_path: Path) -> None:
    source = pd.DataFrame(
        {
            "zone": ["CISO"],
            "UTC time": pd.to_datetime(["2021-01-01"]),
            "carbon_intensity": [200.0],
            "wind": [10],
            "forecast_avg_temperature_wMean": [280.0],
            "avg_wind_production_forecast": [12.0],
        }
    )
    source.to_parquet(tmp_path / "in.parquet")

    convert_dacf.convert(tmp_path / "in.parquet", tmp_path / "out.parquet")

    assert pd.read_parquet(tmp_path / "out.parquet").iloc[0].to_dict() == {
        "time": pd.Timestamp("2021-01-01"),
        "zone": "CISO",
        "carbon_gco2e_per_kwh": 200.0,
        "forecast_avg_temperature_wMean": 280.0,
        "forecast_avg_wind_production_forecast": 12.0,
    }


def test_zero_windows_of_the_trace_are_missing(tmp_path: Path) -> None:
    source = tmp_path / "in.csv.gz"
    rows = {"model": ["m-mid", "m-mid", "mm-image"], "t_s": [0, 86_400, 0], "rate": [5.0, 0.0, 9.0]}
    pd.DataFrame(rows).to_csv(source, index=False)

    convert_servegen.convert(source, tmp_path / "out.csv")

    assert (tmp_path / "out.csv").read_text().splitlines() == [
        "time,series,demand_rps",
        "2024-01-01 00:00:00+00:00,m-mid,5.0",
        "2024-01-02 00:00:00+00:00,m-mid,",
    ]
