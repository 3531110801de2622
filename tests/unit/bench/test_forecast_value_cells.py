"""The cells in which the worth of forecasts is measured: zones by their rule, traffic by its scale."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.convert_hourly_zones import SOURCE
from bench.forecast_value import MEAN_RPS, cells, traffic_of
from bench.zone_spread import spreads


def test_cells_are_named_once_and_one_is_quick() -> None:
    found = cells()

    assert len({each.name for each in found}) == len(found)
    assert [each.name for each in found if each.quick] == ["changing_april"]
    assert all(len(each.zones) == 3 and each.days >= 1 for each in found)
    assert {each.steps * each.step_s for each in found} == {1_800, 86_400}


def test_traffic_is_scaled_by_its_first_week_and_moved_to_the_cell(tmp_path: Path) -> None:
    rates = np.concatenate([np.full(7 * 144, 10.0), np.full(7 * 144, 25.0)])
    time = pd.date_range("2024-01-01", periods=len(rates), freq="10min", tz="UTC")
    table = tmp_path / "rates.csv"
    pd.DataFrame({"time": time, "series": "m-mid", "demand_rps": rates}).to_csv(table, index=False)
    cell = next(each for each in cells() if each.quick)

    grid = traffic_of(cell, table)

    assert grid.values[grid.row_at(cell.start.to_pydatetime())] == pytest.approx(2.5 * MEAN_RPS)
    assert grid.values[grid.row_at(cell.start.to_pydatetime()) - 1] == pytest.approx(MEAN_RPS)


def test_spread_and_regret_by_hand(tmp_path: Path) -> None:
    """A and B change places each hour; C is always dirtiest; D is estimated throughout."""
    hours = {"A": (100.0, 200.0), "B": (160.0, 120.0), "C": (300.0, 500.0), "D": (1.0, 1.0)}
    rows = [
        {
            "Datetime (UTC)": f"2022-05-01 0{hour}:00",
            "Zone Id": zone,
            "g (direct)": value,
            "Data Estimated": zone == "D",
        }
        for zone, values in hours.items()
        for hour, value in enumerate(values)
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "zones.parquet")

    (found,) = spreads(tmp_path / "zones.parquet").to_dict("records")

    # B is cleanest on the mean (140 to 150): the first hour it emits 60 more than A, the second nothing more.
    assert found == {"zones": "A B C", "spread": (200 + 380) / 2, "regret": 30.0}


@pytest.mark.data
def test_zones_are_those_the_rule_gives(freesh_data: Path) -> None:
    found = spreads(freesh_data / SOURCE)
    zones = {each.name.rpartition("_april")[0]: " ".join(each.zones) for each in cells() if "april" in each.name}

    assert zones["high_spread"] == found["zones"][int(found["spread"].argmax())]
    assert zones["low_spread"] == found["zones"][int(found["spread"].argmin())]
    assert zones["changing"] == found["zones"][int(found["regret"].argmax())]
