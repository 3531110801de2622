"""NESO's API replayed by a real server: half hours, nulls, the clock change, and answers that must be refused."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from freesh_plugin.core.errors import SourceError
from models.sources.neso import NesoCarbon
from models.sources.web import WebLimits
from tests.fakes.payload_server import PayloadServer, html, payload, payload_server, reply, truncated

QUICK = WebLimits(connect_s=0.5, read_s=0.5, total_s=5, tries=2, first_pause_s=0.01)
START, END = datetime(2026, 3, 29, 0, 0, tzinfo=UTC), datetime(2026, 3, 29, 3, 0, tzinfo=UTC)
NOW = datetime(2026, 3, 29, 2, 20, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[PayloadServer]:
    with payload_server(reply(payload("neso_intensity.json"))) as running:
        yield running


def source(server: PayloadServer) -> NesoCarbon:
    return NesoCarbon(server.url, QUICK, clock=lambda: NOW)


def fetch(server: PayloadServer, cut_off: datetime = NOW) -> pd.DataFrame:
    return source(server).fetch(["GB"], START, END, cut_off=cut_off).rows


def changed(row: int, **changes: object) -> bytes:
    """The payload with one row changed; `intensity` is merged."""
    document = json.loads(payload("neso_intensity.json"))
    intensity = changes.pop("intensity", {})
    document["data"][row] |= changes
    if isinstance(intensity, dict):
        document["data"][row]["intensity"] |= intensity
    else:
        document["data"][row]["intensity"] = intensity
    return json.dumps(document).encode()


def test_half_hours_over_the_clock_change(server: PayloadServer) -> None:
    rows = fetch(server)
    assert server.requests == ["GET /intensity/2026-03-29T00:00Z/2026-03-29T03:00Z"]
    assert rows["time"].tolist() == list(pd.date_range(START, END, freq="30min", inclusive="left"))
    assert rows["carbon_gco2e_per_kwh"].tolist()[:4] == [99, 98, 97, 96]
    assert rows["carbon_gco2e_per_kwh"].isna().tolist() == [False] * 4 + [True] * 2
    assert rows["forecast_neso"].tolist() == [104, 100, 96, 95, 97, 103]
    assert set(rows["zone"]) == {"GB"}
    assert str(rows["time"].dtype).endswith("UTC]")


def test_what_ended_after_the_cut_off_is_hidden(server: PayloadServer) -> None:
    rows = fetch(server, cut_off=datetime(2026, 3, 29, 1, 20, tzinfo=UTC))
    assert rows["carbon_gco2e_per_kwh"].tolist()[:2] == [99, 98]
    assert rows["carbon_gco2e_per_kwh"].isna().tolist() == [False] * 2 + [True] * 4
    assert rows["forecast_neso"].notna().all()


def test_a_month_is_asked_for_in_ranges_of_less_than_14_days(server: PayloadServer) -> None:
    source(server).fetch(["GB"], END - timedelta(days=28), END, cut_off=NOW)
    assert server.requests == [
        "GET /intensity/2026-03-01T03:00Z/2026-03-14T03:00Z",
        "GET /intensity/2026-03-14T03:00Z/2026-03-27T03:00Z",
        "GET /intensity/2026-03-27T03:00Z/2026-03-29T03:00Z",
    ]


def test_rows_that_contradict_each_other_are_both_missing() -> None:
    """NESO's history holds such a pair; with a month around it, it is a small share."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    data = [
        {
            "from": f"{start + timedelta(minutes=30 * i):%Y-%m-%dT%H:%MZ}",
            "to": f"{start + timedelta(minutes=30 * i + 30):%Y-%m-%dT%H:%MZ}",
            "intensity": {"forecast": 100, "actual": 100 + i, "index": "moderate"},
        }
        for i in range(100)
    ]
    twice = json.loads(json.dumps(data[7]))
    twice["intensity"]["actual"] = 300
    body = json.dumps({"data": [data[50], *data, twice]}).encode()
    with payload_server(reply(body)) as server:
        fetched = source(server).fetch(["GB"], start, start + timedelta(hours=50), cut_off=NOW)
    assert len(fetched.rows) == 99
    assert start + timedelta(minutes=210) not in set(fetched.rows["time"])
    assert fetched.note == "2 of 102 rows contradict each other"


REFUSED = [
    (payload("neso_error.json"), 400, r"answered 400: .*Please enter a valid date"),
    (b'{"data":[]}', 200, r"NESO .*: no rows"),
    (b"{}", 200, r"unexpected document: .*`data`"),
    (b"[]", 200, r"unexpected document: Expected `object`"),
    (b'{"data":[{"from":"2026-03-29T00:00Z"}]}', 200, r"unexpected document: .*`to`.*\$\.data\[0\]"),
    (changed(1, intensity="low"), 200, r"unexpected document: .*\$\.data\[1\]\.intensity"),
    (changed(1, intensity={"actual": "99"}), 200, r"unexpected document: Expected `float \| null`.*actual"),
    (changed(1, **{"from": "29.03.2026"}), 200, r"unexpected document: .*\$\.data\[1\]\.from"),
    (changed(1, **{"from": "2026-13-29T00:00Z"}), 200, r"'2026-13-29T00:00Z' to .* are no times"),
    (changed(1, **{"to": "2026-03-29T01:30Z"}), 200, r"is not a half hour of the clock"),
    (changed(1, **{"from": "2026-03-29T00:10Z", "to": "2026-03-29T00:40Z"}), 200, r"is not a half hour of the clock"),
    (
        changed(1, intensity={"actual": -9999}),
        200,
        r"1 of 6 rows have an implausible carbon_gco2e_per_kwh such as -9999",
    ),
    (
        changed(1, intensity={"forecast": 12_000}),
        200,
        r"1 of 6 rows have an implausible forecast_neso .*limits -2000 and 3000",
    ),
    (changed(6, intensity={"actual": 90}), 200, r"states an actual for 2026-03-29 02:30 UTC, in the future"),
]


@pytest.mark.parametrize(("body", "status", "message"), REFUSED)
def test_answers_that_must_be_refused(body: bytes, status: int, message: str) -> None:
    with payload_server(reply(body, status)) as server, pytest.raises(SourceError, match=message):
        fetch(server)


def test_html_and_a_torn_answer_are_refused() -> None:
    for behaviour in (html(), truncated(payload("neso_intensity.json")), reply(payload("neso_intensity.json")[:-30])):
        with payload_server(behaviour) as server, pytest.raises(SourceError):
            fetch(server)


def test_other_zones_are_unknown(server: PayloadServer) -> None:
    with pytest.raises(SourceError, match="knows zone 'GB' alone, not 'DE'"):
        source(server).fetch(["GB", "DE"], START, END, cut_off=NOW)
    assert server.requests == []


def test_the_name_carries_the_attribution(server: PayloadServer) -> None:
    assert source(server).name == "NESO Carbon Intensity API (CC BY 4.0)"
    assert dataclasses.replace(source(server)).url == server.url
