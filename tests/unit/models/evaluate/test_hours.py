"""The list of hours: read strictly, chosen as its rules say; residency and origins of an hour."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from freesh_plugin.core.errors import ScenarioError
from models.evaluate.hour_origins import UTC_OFFSET_H, local_s, origin_shares
from models.evaluate.hours import LOCATIONS, Hour, HourKind, Role, demo_hour, read_hours

COMMITTED = Path(__file__).parents[4] / "bench" / "hours.csv"
HEADER = "hour,kind,role,start,zones,spread,carbon_data,traffic,traffic_start_s,rate_rps,seed"
LINE = "a,low-spread,report,2021-03-04T12:00Z,CISO PJM SE,0.2,dacf,m-mid,648000,5.0,7"


@pytest.fixture(scope="module")
def hours() -> tuple[Hour, ...]:
    return read_hours(COMMITTED)


def written(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "hours.csv"
    path.write_text("\n".join(("# a comment", header, *lines)), encoding="utf-8")
    return path


def test_a_line_is_an_hour(tmp_path: Path) -> None:
    (hour,) = read_hours(written(tmp_path, LINE))
    assert hour == Hour(
        "a", HourKind.LOW_SPREAD, Role.REPORT, datetime(2021, 3, 4, 12, tzinfo=UTC), ("CISO", "PJM", "SE"), "dacf",
        "m-mid", 648_000.0, 5.0, 7, 0.2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (1, "low", "hour 'a': 'low' is not a valid HourKind"),
        (2, "both", "not a valid Role"),
        (3, "2021-03-04T12:00", "has no time zone"),
        (3, "soon", "hour 'a': .*soon"),
        (0, "a/b", "hour 'a/b': its name must be one that a file can have"),
        (3, "9999-12-31T23:00Z", "must be from 1970-01-01 to 2199-12-31"),
        (3, "2021-03-04T12:03Z", "must be at whole 10 minutes"),
        (4, "CISO PJM", "not enough values"),
        (6, "eia", "carbon_data 'eia' is none of dacf, zones, synthetic"),
        (7, "m-med", "traffic 'm-med' is none of"),
        (9, "0", "rate_rps 0 must be above 0"),
        (9, "inf", "rate_rps inf must be above 0"),
        (10, "x", "hour 'a': invalid literal"),
        (10, "-7", "seed -7 must be at least 0"),
        (10, "7,8", "more or fewer cells than the 11 of the header"),
    ],
)
def test_a_wrong_value_names_its_hour(tmp_path: Path, column: int, value: str, message: str) -> None:
    cells = LINE.split(",")
    cells[column] = value
    with pytest.raises(ScenarioError, match=message):
        read_hours(written(tmp_path, ",".join(cells)))


def test_a_wrong_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="'a' stands twice"):
        read_hours(written(tmp_path, LINE, LINE))
    with pytest.raises(ScenarioError, match="column 'seed' is missing or unknown"):
        read_hours(written(tmp_path, header=HEADER.removesuffix(",seed")))
    with pytest.raises(ScenarioError, match="hour 'a'"):
        read_hours(written(tmp_path, LINE.removesuffix(",5.0,7")))
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_hours(tmp_path / "absent.csv")
    (tmp_path / "latin.csv").write_bytes(b"hour,kind\n\xff\xfe\n")
    with pytest.raises(ScenarioError, match=r"latin.csv: not UTF-8 text at byte 10"):
        read_hours(tmp_path / "latin.csv")
    with pytest.raises(ScenarioError, match="not CSV"):
        read_hours(written(tmp_path, '"' + LINE))


def test_there_are_as_many_hours_of_each_kind_as_promised(hours: tuple[Hour, ...]) -> None:
    counts = Counter((each.kind, each.role) for each in hours)
    for kind in (HourKind.LOW_SPREAD, HourKind.HIGH_SPREAD, HourKind.RESIDENCY_LOCKED):
        assert counts[kind, Role.REPORT] == 8
        assert counts[kind, Role.TUNE] == 2
    assert counts[HourKind.BURSTS, Role.REPORT] == 1
    assert len({each.seed for each in hours}) == len(hours)


def test_hours_are_what_their_kind_says(hours: tuple[Hour, ...]) -> None:
    for each in hours:
        assert each.spread is not None
        assert len(set(each.zones)) == 3
        if each.kind is HourKind.LOW_SPREAD:
            assert each.spread < 0.35
        if each.kind is HourKind.HIGH_SPREAD:
            assert each.spread > 1.0


def test_reported_hours_are_spread_over_day_week_and_year(hours: tuple[Hour, ...]) -> None:
    for kind in (HourKind.LOW_SPREAD, HourKind.HIGH_SPREAD, HourKind.RESIDENCY_LOCKED):
        own = [each for each in hours if each.kind is kind and each.role is Role.REPORT]
        local = [each.start + timedelta(hours=UTC_OFFSET_H[each.zones[0]]) for each in own]
        assert len({each.hour // 3 for each in local}) == 8
        assert sum(each.isoweekday() >= 6 for each in local) == 2
        assert sum(4 <= each.month <= 9 for each in local) == 4
        assert Counter(each.carbon_data for each in own) == {"dacf": 4, "zones": 4}
        assert Counter(each.traffic for each in own) == {"m-mid": 4, "m-small": 4}


def test_traffic_has_a_week_of_history_and_the_local_time_of_the_first_place(hours: tuple[Hour, ...]) -> None:
    for each in hours:
        if each.traffic != "azure":
            assert each.traffic_start_s >= 7 * 86_400
            assert each.traffic_start_s % 86_400 == local_s(each, 0)


def test_no_two_hours_overlap_in_place_and_time(hours: tuple[Hour, ...]) -> None:
    starts = sorted((zone, each.start) for each in hours for zone in each.zones)
    assert all(one[0] != other[0] or other[1] - one[1] >= timedelta(hours=1) for one, other in pairwise(starts))


def test_origins_are_the_users_near_each_place_by_their_time_of_day() -> None:
    shares = origin_shares(demo_hour())
    assert list(shares) == list(LOCATIONS)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares == pytest.approx({"loc1": 0.35, "loc2": 0.40, "loc3": 0.25}), "all at one time of day"
    evening_in_korea = Hour(
        "x", HourKind.LOW_SPREAD, Role.TUNE, datetime(2023, 5, 2, 11, tzinfo=UTC), ("KR", "GB", "US-CAL-CISO"),
        "zones", "m-mid", 0.0, 5.0, 0,
    )  # fmt: skip
    shares = origin_shares(evening_in_korea)
    assert shares["loc1"] > 0.40, "20 h there, the busiest hour"
    assert shares["loc3"] < 0.22, "3 h there"


def test_locked_requests_stay_at_home() -> None:
    hour = demo_hour()
    assert set(hour.allowed.values()) == {None}
    locked = Hour(
        hour.name, HourKind.RESIDENCY_LOCKED, hour.role, hour.start, hour.zones, hour.carbon_data, hour.traffic,
        hour.traffic_start_s, hour.rate_rps, hour.seed,
    )  # fmt: skip
    assert locked.allowed == {name: (name,) for name in LOCATIONS}
