"""What an hour consists of: requests, series with history, the mix of classes; synthetic, made-up and public."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import ConfigError, SourceError
from freesh_plugin.core.request import TWO_BY_TWO, Partition
from models.evaluate.hour_data import HourData, hour_data
from models.evaluate.hours import LOCATIONS, Hour, HourKind, Role, demo_hour, read_hours
from models.evaluate.public_grids import DACF, PRICES, ZONES
from models.sources.workload.scaling import Method

START = datetime(2022, 3, 4, 12, tzinfo=UTC)
A = Partition("a", TWO_BY_TWO, (512,), (444,))
COMMITTED = Path(__file__).parents[4] / "bench" / "hours.csv"


def an_hour(carbon_data: str, zones: tuple[str, str, str], traffic: str = "m-mid", rate_rps: float = 5.0) -> Hour:
    return Hour("x", HourKind.LOW_SPREAD, Role.REPORT, START, zones, carbon_data, traffic, 648_000.0, rate_rps, 1)


@pytest.fixture(scope="module")
def demo() -> HourData:
    return hour_data(demo_hour())


def stamps(start: datetime, end: datetime) -> pd.DatetimeIndex:
    return pd.date_range(start, end, freq="h", inclusive="left").tz_localize(None)


def by_zone(times: pd.DatetimeIndex, zones: Iterable[str], columns: dict[str, object]) -> pd.DataFrame:
    return pd.concat([pd.DataFrame({"stamp": times, "zone": zone} | columns) for zone in zones], ignore_index=True)


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the public sets' columns and made-up rows."""
    folder = tmp_path_factory.mktemp("public")
    for name in ("carbon", "prices", "traffic/azure_llm_2023"):
        (folder / name).mkdir(parents=True)
    times = stamps(START - timedelta(days=60), START + timedelta(days=5))
    random, hours = np.random.default_rng(0), np.asarray(times.hour)
    wander = np.cumsum(random.normal(0, 100, len(times)))
    generation = 20_000 + wander
    sources = {"coal": generation / 2, "nat_gas": generation / 2} | dict.fromkeys(
        ("nuclear", "oil", "hydro", "solar", "wind", "other", "unknown"), 0.0
    )
    intensity = (20_000 * 300 + 600 * wander) / generation
    dacf = by_zone(
        times,
        ("AA", "BB", "CC"),
        {"carbon_intensity": intensity, "forecast_avg_temperature_wMean": 280.0, "avg_coal_production_forecast": 9e3}
        | sources,
    )
    dacf.rename(columns={"stamp": "UTC time"}).to_parquet(folder / DACF)
    zones = by_zone(times, ("DE", "GB", "KR"), {"Carbon Intensity gCO₂eq/kWh (direct)": 200.0 + hours})
    zones.rename(columns={"stamp": "Datetime (UTC)", "zone": "Zone Id"}).to_parquet(folder / ZONES)
    prices = by_zone(times, ("DE-LU", "KR"), {"Price (USD/MWh)": 50.0 + hours})
    prices["stamp"] = prices["stamp"].dt.strftime("%Y-%m-%d %H:%M:%S+00:00")
    prices.rename(columns={"stamp": "Datetime (UTC)"}).to_parquet(folder / PRICES)
    rates = np.where(np.arange(1_500) == 700, 0.0, 1_000.0)
    total = [
        pd.DataFrame({"model": each, "t_s": 600 * np.arange(1_500), "rate": rates}) for each in ("m-mid", "m-small")
    ]
    pd.concat(total).to_csv(folder / "traffic" / "servegen_total_rate_10min.csv.gz", index=False)
    moments = pd.date_range("2023-11-16 18:15:46", periods=700, freq="5s").strftime("%Y-%m-%d %H:%M:%S")
    lengths = pd.DataFrame({"TIMESTAMP": moments, "ContextTokens": 700, "GeneratedTokens": 90})
    lengths.to_csv(folder / "traffic" / "azure_llm_2023" / "AzureLLMInferenceTrace_conv.csv", index=False)
    return folder


def test_the_demo_hour_needs_no_data_and_says_that_it_is_synthetic(demo: HourData) -> None:
    assert "synthetic" in demo.workload.source
    assert demo.notes == ("requests and history are synthetic",)
    assert set(demo.carbon) == set(demo.hour.zones)
    assert (demo.marginal, demo.prices) == ({}, {})


def test_demand_has_a_week_of_history_and_then_what_arrived(demo: HourData) -> None:
    first = demo.demand.row_at(demo.hour.start)
    assert first == 8 * 144
    assert demo.demand.rows == first + 6
    arrived = sum(1 for _ in demo.workload.requests())
    assert demo.demand.values[first:].sum() * 600 == pytest.approx(arrived)
    assert demo.demand.values[first - 6 : first].mean() == pytest.approx(demo.hour.rate_rps, rel=0.25)


def test_carbon_covers_history_and_the_hour(demo: HourData) -> None:
    for grid in demo.carbon.values():
        assert grid.row_at(demo.hour.start) >= 20 * grid.day
        assert grid.row_at(demo.hour.start + timedelta(hours=2)) < grid.rows


def test_the_mix_of_classes_and_origins_is_that_of_the_hour_before(demo: HourData) -> None:
    mix = demo.mix(A)
    assert sum(mix.values()) == pytest.approx(1.0)
    assert {name for name, _ in mix} <= set(TWO_BY_TWO)
    by_origin = {place: sum(share for (_, origin), share in mix.items() if origin == place) for place in LOCATIONS}
    assert by_origin == pytest.approx(dict(demo.origins), abs=0.03)
    assert list(demo.before.requests()) != list(demo.workload.requests())


def test_a_recorded_hour_needs_the_data_sets(tmp_path: Path) -> None:
    hour = an_hour("dacf", ("AA", "BB", "CC"))
    with pytest.raises(ConfigError, match="FREESH_DATA names their folder"):
        hour_data(hour)
    with pytest.raises(SourceError, match="no such file"):
        hour_data(hour, tmp_path)


def test_grids_with_generation_have_a_marginal_estimate(made_up: Path) -> None:
    data = hour_data(an_hour("dacf", ("AA", "BB", "CC")), made_up)
    assert set(data.carbon) == set(data.marginal) == {"AA", "BB", "CC"}
    grid = data.marginal["BB"]
    assert grid.values[grid.row_at(START)] == pytest.approx(600.0, rel=1e-3)
    known = data.carbon["BB"].columns
    assert known == ("forecast_avg_temperature_wMean", "forecast_avg_coal_production_forecast")
    assert data.prices == {}, "these zones have none"


def test_zones_have_no_marginal_and_prices_where_there_are_any(made_up: Path) -> None:
    data = hour_data(an_hour("zones", ("DE", "GB", "KR")), made_up)
    assert data.marginal == {}
    assert data.carbon["GB"].values[data.carbon["GB"].row_at(START)] == 212.0
    assert set(data.prices) == {"DE", "KR"}
    assert data.prices["DE"].values[data.prices["DE"].row_at(START)] == 62.0
    with pytest.raises(SourceError, match="no zone 'XX'"):
        hour_data(an_hour("zones", ("DE", "GB", "XX")), made_up)


def test_rates_are_scaled_history_and_all_and_holes_stay_missing(made_up: Path) -> None:
    data = hour_data(an_hour("zones", ("DE", "GB", "KR")), made_up)
    first = data.demand.row_at(START)
    assert first == 648_000 // 600
    assert np.isnan(data.demand.values).nonzero()[0].tolist() == [700]
    assert np.delete(data.demand.values[:first], 700) == pytest.approx(5.0)
    assert data.demand.values[first:] == pytest.approx(5.0, rel=0.1)
    assert data.workload.scaling == "rates x 0.005"


@pytest.mark.parametrize(("rate_rps", "requests"), [(0.2, 700), (0.1, 350)])
def test_recorded_arrivals_are_thinned_only_where_another_rate_is_asked_for(
    made_up: Path, rate_rps: float, requests: int
) -> None:
    data = hour_data(an_hour("zones", ("DE", "GB", "KR"), "azure", rate_rps), made_up)
    assert sum(1 for _ in data.workload.requests()) == pytest.approx(requests, rel=0.1 if rate_rps < 0.2 else 0)
    assert data.demand.values[-1] == pytest.approx(rate_rps, rel=0.3), "over the 495 s that the trace has of it"
    assert "no history" in data.notes[0]


def test_recorded_arrivals_can_be_stretched_to_another_rate(made_up: Path) -> None:
    hour = an_hour("zones", ("DE", "GB", "KR"), "azure", 0.1)
    data = hour_data(hour, made_up, method=Method.COMPRESSED)
    assert data.workload.scaling.startswith("compressed x 0.499")
    assert data.workload.duration_s == 3_600.0
    assert max(each.arrival_s for each in data.workload.requests()) < 3_600.0


@pytest.mark.data
@pytest.mark.parametrize("name", ["high-spread-report-5", "low-spread-report-8", "bursts-report-1"])
def test_an_hour_of_the_committed_list_is_as_its_line_says(freesh_data: Path, name: str) -> None:
    hour = next(each for each in read_hours(COMMITTED) if each.name == name)
    data = hour_data(hour, freesh_data)
    at = [grid.values[grid.row_at(hour.start)] for grid in data.carbon.values()]
    assert (max(at) - min(at)) / np.mean(at) == pytest.approx(hour.spread, abs=0.001)
    arrivals = sum(1 for _ in data.workload.requests())
    assert arrivals / data.workload.duration_s == pytest.approx(hour.rate_rps, rel=0.03)
    assert arrivals == 28_185 or hour.traffic != "azure"
    if hour.carbon_data == "dacf":
        assert all(np.isfinite(grid.values[grid.row_at(hour.start)]) for grid in data.marginal.values())
    assert all(grid.row_at(hour.start) >= 150 * 24 for grid in data.carbon.values())
