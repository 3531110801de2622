"""Electricity Maps' API replayed by a real server: estimates, forecasts, other plans, answers to refuse."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from freesh_plugin.core.errors import SourceError
from models.sources.electricity_maps import ElectricityMapsCarbon
from models.sources.ports import Fetched
from models.sources.web import WebLimits
from tests.fakes.payload_server import Behaviour, PayloadServer, hang, html, payload, payload_server, reply, truncated

QUICK = WebLimits(connect_s=0.5, read_s=0.5, total_s=5, tries=2, first_pause_s=0.01)
START, END = datetime(2026, 3, 29, 0, tzinfo=UTC), datetime(2026, 3, 29, 7, tzinfo=UTC)
NOW = datetime(2026, 3, 29, 4, 20, tzinfo=UTC)
TOKEN = "em-s3cret"
PAST = payload("electricity_maps_past_range.json")
FORECAST = reply(payload("electricity_maps_forecast.json"))


@pytest.fixture
def server() -> Iterator[PayloadServer]:
    with payload_server(reply(PAST), FORECAST) as running:
        yield running


def source(server: PayloadServer, scope: str = "direct", endpoint: str = "past-range") -> ElectricityMapsCarbon:
    return ElectricityMapsCarbon(TOKEN, scope, endpoint, url=server.url, limits=QUICK, clock=lambda: NOW)


def fetch(server: PayloadServer, cut_off: datetime = NOW) -> Fetched:
    return source(server).fetch(["DE"], START, END, cut_off=cut_off)


def changed(**changes: object) -> bytes:
    document = json.loads(PAST)
    document["data"][1] |= changes
    return json.dumps(document).encode()


def test_hours_with_estimates_noted_and_the_forecast_beside_them(server: PayloadServer) -> None:
    fetched = fetch(server)
    rows = fetched.rows
    assert rows["time"].tolist() == list(pd.date_range(START, END, freq="1h", inclusive="left"))
    assert rows["carbon_gco2e_per_kwh"].fillna(-1).tolist() == [322, 318, -1, 305.5, -1, -1, -1]
    assert rows["forecast_electricity_maps"].fillna(-1).tolist() == [-1, -1, -1, -1, 297, 290, 281]
    assert set(rows["zone"]) == {"DE"}
    assert fetched.note == "2 of 5 hours estimated by the provider (FORECASTS_HIERARCHY, TIME_SLICER_AVERAGE)"


def test_what_is_asked(server: PayloadServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fetch(server)
    asked = "zone=DE&emissionFactorType=direct&temporalGranularity=hourly&disableCallerLookup=true"
    assert server.requests == [
        f"GET /v3/carbon-intensity/past-range?{asked}&start=2026-03-29T00%3A00%3A00Z&end=2026-03-29T04%3A20%3A00Z",
        f"GET /v3/carbon-intensity/forecast?{asked}&horizonHours=24",
    ]
    assert [each["auth-token"] for each in server.headers] == [TOKEN] * 2
    assert TOKEN not in caplog.text + repr(source(server)) + source(server).name


def test_two_months_are_asked_for_in_ranges_of_ten_days() -> None:
    with payload_server(*[reply(PAST)] * 6, FORECAST) as server:
        source(server).fetch(["DE"], NOW - timedelta(days=60), END, cut_off=NOW)
    assert len(server.requests) == 7
    assert "start=2026-01-28T04%3A20%3A00Z&end=2026-02-07T04%3A20%3A00Z" in server.requests[0]
    assert "start=2026-03-19T04%3A20%3A00Z&end=2026-03-29T04%3A20%3A00Z" in server.requests[5]


def test_the_free_plan_has_the_last_day_and_lifecycle_is_asked_for_by_name() -> None:
    with payload_server(reply(payload("electricity_maps_history.json")), reply(b'{"error": "plan"}', 401)) as server:
        free = source(server, scope="lifecycle", endpoint="history")
        fetched = free.fetch(["DE"], START, END, cut_off=NOW + timedelta(hours=1))
    assert fetched.rows["carbon_gco2e_per_kwh"].tolist() == [460, 451]
    assert "emissionFactorType=lifecycle" in server.requests[0]
    assert server.requests[0].startswith("GET /v3/carbon-intensity/history?")
    assert (free.signal.kind, free.signal.scope) == ("average", "lifecycle")
    assert fetched.note.endswith('answered 401: \'{"error": "plan"}\'')
    assert "no forecast: http" in fetched.note


@pytest.mark.parametrize("fault", [reply(b"", 500), html(), reply(b"{}"), reply(b'{"zone": "FR", "forecast": []}')])
def test_a_failing_forecast_costs_the_forecast_alone(fault: Behaviour) -> None:
    with payload_server(reply(PAST), fault) as server:
        fetched = fetch(server)
    assert len(fetched.rows) == 5
    assert "; no forecast: " in fetched.note
    assert "forecast_electricity_maps" not in fetched.rows.columns


def test_a_past_slot_sees_neither_the_forecast_of_today_nor_what_had_not_ended(server: PayloadServer) -> None:
    fetched = fetch(server, cut_off=NOW - timedelta(hours=2))
    assert fetched.rows["carbon_gco2e_per_kwh"].fillna(-1).tolist() == [322, 318, -1, -1, -1]
    assert "forecast_electricity_maps" not in fetched.rows.columns
    assert "which a past slot must not see" in fetched.note
    assert len(server.requests) == 1


REFUSED = [
    (b'{"error": "Invalid auth-token: em-s3cret"}', 401, r"answered 401: .*Invalid auth-token: \[secret\]"),
    (b"{}", 200, r"unexpected document: no `data`"),
    (payload("electricity_maps_forecast.json"), 200, r"unexpected document: no `data`"),
    (b"[]", 200, r"unexpected document: Expected `object`"),
    (b'{"zone": "DE", "data": []}', 200, r"Electricity Maps .*: no rows"),
    (b'{"data": [{"carbonIntensity": 3}]}', 200, r"unexpected document: .*`datetime`.*\$\.data\[0\]"),
    (changed(carbonIntensity="322"), 200, r"unexpected document: Expected `float \| null`.*\$\.data\[1\]"),
    (changed(zone="DK-DK1"), 200, r"asked for zone 'DE', answered for 'DK-DK1'"),
    (changed(emissionFactorType="lifecycle"), 200, r"asked for direct emission factors, answered 'lifecycle'"),
    (changed(datetime="2026-03-29T01:15:00.000Z"), 200, r"2026-03-29 01:15:00\+00:00 is not a full hour"),
    (changed(datetime="soon"), 200, r"1 of 7 rows without a time or key"),
    (changed(datetime="2026-03-29T05:00:00.000Z"), 200, r"states an actual for 2026-03-29 05:00 UTC, in the future"),
    (changed(carbonIntensity=-9999), 200, r"1 of 7 rows have an implausible carbon_gco2e_per_kwh such as -9999"),
]


@pytest.mark.parametrize(("body", "status", "message"), REFUSED)
def test_answers_that_must_be_refused(body: bytes, status: int, message: str) -> None:
    with payload_server(reply(body, status), FORECAST) as server, pytest.raises(SourceError, match=message) as caught:
        fetch(server)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("fault", [html(), truncated(PAST), reply(PAST[:-30]), hang(), reply(b"", 429)])
def test_what_is_no_answer_is_refused(fault: Behaviour) -> None:
    with payload_server(fault) as server, pytest.raises(SourceError):
        fetch(server)


def test_a_busy_server_is_waited_for() -> None:
    with payload_server(reply(b"slow down", 429, Retry_After="0"), reply(PAST), FORECAST) as server:
        assert len(fetch(server).rows) == 7
    assert len(server.requests) == 3
