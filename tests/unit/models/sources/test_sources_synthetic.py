"""Synthetic carbon and traffic: the same whenever asked, near the levels they were set by, labelled synthetic."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import SourceError
from freesh_plugin.core.request import TWO_BY_TWO, CellGrid, Partition
from models.sources.cells import class_history
from models.sources.seeded_noise import smooth_noise
from models.sources.synthetic import ZONES, SyntheticCarbon, SyntheticTraffic

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
A = Partition("a", TWO_BY_TWO, (512,), (444,))
B = Partition("b", TWO_BY_TWO, (128,), (256,))
CELLS = CellGrid.refining([A, B])


@pytest.fixture(scope="module")
def carbon() -> pd.DataFrame:
    rows = SyntheticCarbon().fetch(list(ZONES), START, END, cut_off=END).rows
    return rows.pivot(index="time", columns="zone", values="carbon_gco2e_per_kwh")


@pytest.mark.parametrize(("zone", "mean"), [("SYN-HYDRO", 42), ("SYN-WIND", 363), ("SYN-SOLAR", 193)])
def test_carbon_has_the_level_of_its_model(carbon: pd.DataFrame, zone: str, mean: float) -> None:
    year = carbon[zone]
    assert year.mean() == pytest.approx(mean, rel=0.1)
    assert year.min() > 0
    assert len(year) == 364 * 48


def test_carbon_has_the_day_of_its_model(carbon: pd.DataFrame) -> None:
    by_hour = carbon.groupby(carbon.index.hour).mean() / carbon.mean()  # type: ignore[attr-defined]  # DatetimeIndex
    assert by_hour["SYN-HYDRO"].std() < 0.05
    assert by_hour["SYN-WIND"].idxmin() in (10, 11, 12)
    assert by_hour["SYN-WIND"].idxmax() in (17, 18, 19, 20)
    assert by_hour["SYN-SOLAR"].idxmin() in (17, 18, 19, 20)
    assert by_hour["SYN-SOLAR"].min() < 0.7


def test_the_same_moment_is_the_same_whoever_asks() -> None:
    source = SyntheticCarbon(seed=3)
    long = source.fetch(["SYN-WIND"], START, START + timedelta(days=2), cut_off=END).rows.set_index("time")
    begin = START + timedelta(hours=30, minutes=7)
    short = source.fetch(["SYN-WIND"], begin, begin + timedelta(hours=3), cut_off=END).rows.set_index("time")
    pd.testing.assert_frame_equal(short, long.loc[short.index])
    other = SyntheticCarbon(seed=4).fetch(["SYN-WIND"], START, START + timedelta(days=2), cut_off=END).rows
    assert not np.allclose(other["carbon_gco2e_per_kwh"], long["carbon_gco2e_per_kwh"])


def test_carbon_after_the_cut_off_is_not_known() -> None:
    cut_off = START + timedelta(minutes=75)
    rows = SyntheticCarbon().fetch(["SYN-WIND"], START, START + timedelta(hours=2), cut_off=cut_off).rows
    assert rows["carbon_gco2e_per_kwh"].isna().tolist() == [False, False, True, True]


def test_traffic_has_the_authors_level_and_shares() -> None:
    rows = SyntheticTraffic().fetch(CELLS, START, START + timedelta(days=14)).rows
    total = rows.groupby("time")["demand_rps"].sum()
    assert total.mean() == pytest.approx(16, rel=0.06)
    assert len(total) == 14 * 288
    for partition, shares in ((A, (0.059, 0.003, 0.834, 0.104)), (B, (0.007, 0.004, 0.769, 0.220))):
        history = class_history(rows, partition)
        found = {key.request_class: series.mean() / total.mean() for key, series in history.items()}
        for name, share in zip(TWO_BY_TWO, shares, strict=True):
            assert found[name] == pytest.approx(share, abs=0.03)
    by_hour = total.groupby(total.index.hour).mean()  # type: ignore[attr-defined]  # a DatetimeIndex
    assert by_hour.idxmin() in (3, 4, 5)
    assert by_hour.max() / by_hour.min() > 1.4


def test_traffic_ends_with_the_last_whole_step() -> None:
    begin = START + timedelta(seconds=1)
    rows = SyntheticTraffic().fetch(CellGrid(), begin, START + timedelta(minutes=19, seconds=59)).rows
    assert rows["time"].tolist() == [START + timedelta(minutes=5), START + timedelta(minutes=10)]
    exact = SyntheticTraffic().fetch(CellGrid(), START, START + timedelta(minutes=20)).rows
    assert exact["time"].tolist() == [START + timedelta(minutes=5 * k) for k in range(4)]
    assert exact[["prompt_cell", "answer_cell"]].drop_duplicates().values.tolist() == [["0-inf", "0-inf"]]


def test_it_says_that_it_is_synthetic() -> None:
    assert "synthetic" in SyntheticCarbon().name
    assert "synthetic" in SyntheticTraffic().name


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(SourceError, match="no zone 'SYN-WINDY'; nearest known name is 'SYN-WIND'"):
        SyntheticCarbon().fetch(["SYN-WINDY"], START, END, cut_off=END)
    with pytest.raises(SourceError, match="no interval of 1800 s"):
        SyntheticCarbon().fetch(["SYN-WIND"], START, START, cut_off=END)
    with pytest.raises(SourceError, match="no interval of 300 s"):
        SyntheticTraffic().fetch(CELLS, START, START + timedelta(minutes=4))


def test_noise_is_standard_normal_at_and_between_knots() -> None:
    at = smooth_noise(np.arange(20_000) * 60.0, 60.0, "x")
    between = smooth_noise(np.arange(20_000) * 60.0 + 30.0, 60.0, "x")
    for noise in (at, between):
        assert noise.mean() == pytest.approx(0, abs=0.03)
        assert noise.std() == pytest.approx(1, abs=0.03)
    assert np.corrcoef(at[1:], at[:-1])[0, 1] == pytest.approx(0, abs=0.03)
    assert np.corrcoef(at, smooth_noise(np.arange(20_000) * 60.0, 60.0, "y"))[0, 1] == pytest.approx(0, abs=0.03)


@pytest.mark.data
def test_levels_are_those_of_the_public_data(freesh_data: Path) -> None:
    zones = pd.read_parquet(freesh_data / "carbon" / "hourly_zones_2021_2023.parquet")
    germany = zones.loc[zones["Zone Id"] == "DE", "Carbon Intensity gCO₂eq/kWh (direct)"]
    assert ZONES["SYN-WIND"].mean == pytest.approx(germany.mean(), rel=0.01)
    grids = pd.read_parquet(freesh_data / "carbon" / "dacf_5grids_2020_2021H1.parquet")
    for name, zone in (("SYN-SOLAR", "CISO"), ("SYN-HYDRO", "SE")):
        measured = grids.loc[grids["zone"] == zone, "carbon_intensity"]
        assert ZONES[name].mean == pytest.approx(measured[measured > 0].mean(), rel=0.02)
    demand = pd.read_csv(freesh_data / "profiles" / "freesh_authors_demand_a.csv").sum(axis=1)
    by_hour = demand.groupby(demand.index // 12).mean() / demand.mean()
    synthetic = SyntheticTraffic(mean_rps=1.0).fetch(CellGrid(), START, START + timedelta(days=364)).rows
    found = synthetic.groupby(synthetic["time"].dt.hour)["demand_rps"].mean()
    np.testing.assert_allclose(found / found.mean(), by_hour, atol=0.06)
