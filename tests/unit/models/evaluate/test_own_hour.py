"""A span of an operator's own requests and grids: what is read, what is assumed and said, what is refused."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import ConfigError, SourceError
from models.evaluate.hours import demo_hour
from models.evaluate.own_hour import OwnTraffic, own_hour
from models.forecast.grid import Grid
from models.sources.workload.scaling import Method

HOUR = demo_hour()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hours, a request every four seconds; later answers are longer."""
    path = tmp_path_factory.mktemp("own") / "requests.csv"
    rows = [f"{4 * k},{100 + k % 50},{20 + k // 90}" for k in range(1800)]
    path.write_text("\n".join(["arrival_s,prompt_tokens,answer_tokens", *rows]) + "\n", encoding="utf-8")
    return path


def grid(values: Sequence[float], end_after_s: float, step_s: int = 3600, name: str = "x") -> Grid:
    """Rows that end so long after the hour's start."""
    start = pd.Timestamp(HOUR.start) + timedelta(seconds=end_after_s - step_s * len(values))
    return Grid(name, start, step_s, np.array(values, dtype=float), np.empty((len(values), 0)))


def test_what_lies_before_the_span_is_history(table: Path) -> None:
    data = own_hour(HOUR, OwnTraffic("csv", table, start_s=3600))
    answers = [each.answer_tokens for each in data.workload.requests()]
    assert (len(answers), min(answers), data.workload.duration_s) == (900, 30, 3600)
    assert max(each.answer_tokens for each in data.before.requests()) == 29
    assert not any("span itself" in note for note in data.notes)


def test_a_trace_without_an_earlier_part_says_so(table: Path) -> None:
    data = own_hour(HOUR, OwnTraffic("csv", table))
    assert data.before is data.workload
    assert any("taken from the span itself" in note for note in data.notes)


@pytest.mark.parametrize(
    ("traffic", "count", "said"),
    [
        ({"scale": 0.5}, 450, "thinned x 0.5"),
        ({"scale": 2.0}, 1800, "copies x 2"),
        ({"rate_rps": 0.5}, 1800, "copies x 2"),
        ({"scale": 2.0, "method": Method.COMPRESSED}, 1800, "compressed x 2"),
    ],
)
def test_the_rate_is_brought_to_what_is_asked_by_a_named_method(
    table: Path, traffic: dict[str, object], count: int, said: str
) -> None:
    workload = own_hour(HOUR, replace(OwnTraffic("csv", table), **traffic)).workload  # type: ignore[arg-type]
    assert workload.scaling == said
    assert workload.duration_s == 3600
    assert sum(1 for _ in workload.requests()) == pytest.approx(count, rel=0.1)


def test_carbon_is_the_operators_where_given_and_else_said_to_be_synthetic(table: Path) -> None:
    carbon = {zone: grid([100.0] * 48, 24 * 3600, name=zone) for zone in (*HOUR.zones, "other")}
    data = own_hour(HOUR, OwnTraffic("csv", table), carbon=carbon)
    assert set(data.carbon) == set(HOUR.zones)
    assert not any("synthetic" in note for note in data.notes)
    assert any("intensities are synthetic" in note for note in own_hour(HOUR, OwnTraffic("csv", table)).notes)


def test_a_zone_or_an_hour_without_carbon_is_refused(table: Path) -> None:
    known = {zone: grid([100.0] * 48, 24 * 3600, name=zone) for zone in HOUR.zones[:2]}
    with pytest.raises(ConfigError, match=f"no carbon of zone '{HOUR.zones[2]}'"):
        own_hour(HOUR, OwnTraffic("csv", table), carbon=known)
    late = known | {HOUR.zones[2]: grid([100.0] * 48, 0)}
    with pytest.raises(ConfigError, match=r"'x' at 2026-03-03T14:00Z: the table has"):
        own_hour(HOUR, OwnTraffic("csv", table), carbon=late)


@pytest.mark.parametrize(
    ("values", "ends_after_s", "at"),
    [
        ([100.0] * 48, 1800, "14:30Z"),
        ([100.0] * 46 + [float("nan"), 100.0], 3600, "14:00Z"),
        ([100.0], 3600, "14:00Z"),
    ],
)
def test_carbon_that_covers_a_part_of_the_span_is_refused(
    table: Path, values: Sequence[float], ends_after_s: float, at: str
) -> None:
    known = {zone: grid(values, ends_after_s, step_s=1800, name=zone) for zone in HOUR.zones}
    with pytest.raises(ConfigError, match=f"at 2026-03-03T{at}: the table has .* the span is 2026-03-03T14:00Z to"):
        own_hour(HOUR, OwnTraffic("csv", table), carbon=known)


def test_a_span_after_an_hour_without_requests_says_what_to_do(tmp_path: Path) -> None:
    rows = [f"{start + 2 * k},100,20" for start in (0, 7200) for k in range(180)]
    path = tmp_path / "gap.csv"
    path.write_text("\n".join(["arrival_s,prompt_tokens,answer_tokens", *rows]) + "\n", encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"no request from 3600 s to 7200 s: .* begin elsewhere in the trace \(--skip"
    ):
        own_hour(HOUR, OwnTraffic("csv", path, start_s=7200))


@pytest.mark.parametrize(
    ("arrivals_s", "enough"), [((5,), False), ((300,), False), ((5, 9), False), ((300, 301), False), ((5, 65), True)]
)
def test_requests_to_plan_by_lie_in_two_minutes(tmp_path: Path, arrivals_s: tuple[int, ...], enough: bool) -> None:
    path = tmp_path / "few.csv"
    rows = [f"{at},100,20" for at in arrivals_s]
    path.write_text("\n".join(["arrival_s,prompt_tokens,answer_tokens", *rows]) + "\n", encoding="utf-8")
    if enough:
        assert own_hour(HOUR, OwnTraffic("csv", path)).workload.duration_s == 3600
        return
    with pytest.raises(ConfigError, match=f"{len(rows)} requests to plan by, in 1 windows of 60 s"):
        own_hour(HOUR, OwnTraffic("csv", path))


def test_names_that_are_none_of_the_fleets_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "named.csv"
    path.write_text("arrival_s,prompt_tokens,answer_tokens,origin\n1,1,1,loc2\n70,1,1,loc4\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"line 3, column origin: 'loc4' is no origin of the fleet; nearest .* 'loc"):
        own_hour(HOUR, OwnTraffic("csv", path))


def test_demand_before_the_span_is_the_operators_and_what_follows_is_what_arrives(table: Path) -> None:
    history = grid([7.0] * 200, 6 * 600, step_s=600)
    demand = own_hour(HOUR, OwnTraffic("csv", table, start_s=3600), demand=history).demand
    row = demand.row_at(HOUR.start)
    assert (demand.step_s, row) == (600, 194)
    assert set(demand.values[:row]) == {7.0}
    assert demand.values[row:] == pytest.approx([0.25] * 6)


def test_demand_that_ends_before_the_span_is_refused(table: Path) -> None:
    with pytest.raises(ConfigError, match="demand has no row that ends at"):
        own_hour(HOUR, OwnTraffic("csv", table), demand=grid([7.0] * 200, -7200, step_s=600))


def test_assumed_demand_has_the_spans_mean_rate_at_its_time_of_day(table: Path) -> None:
    data = own_hour(HOUR, OwnTraffic("csv", table))
    assert any("rates before the span are assumed" in note for note in data.notes)
    row = data.demand.row_at(HOUR.start - timedelta(days=1))
    assert data.demand.values[row : row + 6].mean() == pytest.approx(0.25, rel=0.02)


def test_a_trace_needs_its_file_and_rates_need_lengths(table: Path) -> None:
    with pytest.raises(ConfigError, match="need the file of the trace"):
        own_hour(HOUR, OwnTraffic("mooncake"))
    with pytest.raises(ConfigError, match="servegen has rates alone"):
        own_hour(HOUR, OwnTraffic("servegen", table))
    with pytest.raises(ConfigError, match="servegen is not scaled by 2"):
        own_hour(HOUR, OwnTraffic("servegen", table, lengths=table, scale=2.0))
