"""WattTime's API replayed by a real server: logins, marginal rates, forecasts, and answers that must be refused."""

import json
import logging
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from freesh_plugin.core.errors import SourceError
from models.sources.ports import Fetched
from models.sources.watttime import WattTimeCarbon
from models.sources.web import WebLimits
from tests.fakes.payload_server import Behaviour, PayloadServer, hang, html, payload, payload_server, reply, truncated

QUICK = WebLimits(connect_s=0.5, read_s=0.5, total_s=5, tries=2, first_pause_s=0.01)
START, END = datetime(2026, 3, 29, 4, tzinfo=UTC), datetime(2026, 3, 29, 4, 30, tzinfo=UTC)
NOW = datetime(2026, 3, 29, 4, 20, tzinfo=UTC)
ZONE, PASSWORD = "CAISO_NORTH", "wt-s3cret"
BASIC = "Basic bWU6d3QtczNjcmV0"
"""`me:wt-s3cret` in base 64, by the `base64` program."""

LOGIN = reply(payload("watttime_login.json"))
LOGIN_AGAIN = reply(b'{"token": "eyJ0eXAiOiJKV1Q.second"}')
PAST = reply(payload("watttime_historical.json"))
FORECAST = reply(payload("watttime_forecast.json"))
EXPIRED = reply(b'{"detail": "token has expired"}', 401)


def source(server: PayloadServer, now: datetime = NOW) -> WattTimeCarbon:
    return WattTimeCarbon("me", PASSWORD, server.url, QUICK, clock=lambda: now)


def fetch(server: PayloadServer, cut_off: datetime = NOW, now: datetime = NOW) -> Fetched:
    return source(server, now).fetch([ZONE], START, END, cut_off=cut_off)


def changed(meta: dict[str, object] | None = None, **point: object) -> bytes:
    document = json.loads(payload("watttime_historical.json"))
    document["data"][1] |= point
    document["meta"] |= meta or {}
    return json.dumps(document).encode()


def test_pounds_per_megawatthour_become_grams_per_kilowatthour() -> None:
    """1,000 lb/MWh is 453.59237 g/kWh by the definition of the pound."""
    with payload_server(LOGIN, PAST, FORECAST) as server:
        fetched = fetch(server)
    rows = fetched.rows
    assert rows["time"].tolist() == list(pd.date_range(START, END, freq="5min", inclusive="left"))
    assert rows["carbon_gco2e_per_kwh"].tolist()[:4] == pytest.approx([453.59237, 444.5205226, 0.0, -18.370490985])
    assert rows["carbon_gco2e_per_kwh"].isna().tolist() == [False] * 4 + [True] * 2
    assert rows["forecast_watttime"].tolist()[4:] == pytest.approx([426.3768278, 417.3049804])
    assert fetched.note == "1 of 4 rates imputed by the provider"


def test_one_login_serves_all_requests_and_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with payload_server(LOGIN, PAST, FORECAST) as server:
        fetch(server)
        shown = repr(source(server)) + source(server).name
    region = "region=CAISO_NORTH&signal_type=co2_moer"
    assert server.requests == [
        "GET /login",
        f"GET /v3/historical?{region}&start=2026-03-29T04%3A00%2B00%3A00&end=2026-03-29T04%3A20%2B00%3A00"
        "&include_imputed_marker=true",
        f"GET /v3/forecast?{region}&horizon_hours=24",
    ]
    assert [each["authorization"] for each in server.headers] == [BASIC] + ["Bearer eyJ0eXAiOiJKV1Q.first"] * 2
    for secret in (PASSWORD, BASIC.split()[1], "eyJ0eXAiOiJKV1Q.first"):
        assert secret not in caplog.text + shown


def test_two_months_are_asked_for_in_ranges_of_32_days() -> None:
    with payload_server(LOGIN, PAST, PAST, FORECAST) as server:
        source(server).fetch([ZONE], NOW - timedelta(days=60), END, cut_off=NOW)
    assert len(server.requests) == 4
    assert "&start=2026-01-28T04%3A20%2B00%3A00&end=2026-03-01T04%3A20%2B00%3A00" in server.requests[1]


def test_a_token_that_expired_is_renewed_once() -> None:
    with payload_server(LOGIN, EXPIRED, LOGIN_AGAIN, PAST, FORECAST) as server:
        assert len(fetch(server).rows) == 6
    assert [each["authorization"].rpartition(".")[2] for each in server.headers[3:]] == ["second", "second"]
    assert len(server.requests) == 5


def test_a_new_token_that_is_refused_as_well_is_an_error() -> None:
    with (
        payload_server(LOGIN, EXPIRED, LOGIN_AGAIN, EXPIRED) as server,
        pytest.raises(SourceError, match=r"/v3/historical answered 401: .*token has expired"),
    ):
        fetch(server)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (reply(b'{"error": "bad password wt-s3cret"}', 401), r"/login answered 401 to the login of user 'me'$"),
        (reply(b'{"tok": "leaked-token"}'), r"/login answered the login with something that holds no token$"),
        (reply(b"leaked-token"), r"holds no token$"),
        (reply(b"\xff\xfe"), r"holds no token$"),
        (reply(b'{"token": "a\\nb"}'), r"holds no token$"),
        (html(), r"holds no token$"),
        (reply(b"", 429, Retry_After="300"), r"answered 429: an empty body; it asks to wait 300 s, limit 20 s"),
    ],
)
def test_a_login_that_fails_shows_nothing(fault: Behaviour, message: str) -> None:
    with payload_server(fault) as server, pytest.raises(SourceError, match=message) as caught:
        fetch(server)
    assert "leaked" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_a_past_slot_gets_the_forecast_that_was_the_newest_then() -> None:
    cut_off = datetime(2026, 3, 29, 4, 19, tzinfo=UTC)
    with payload_server(LOGIN, PAST, reply(payload("watttime_forecast_historical.json"))) as server:
        rows = fetch(server, cut_off, now=NOW + timedelta(days=3)).rows
    assert server.requests[2] == (
        "GET /v3/forecast/historical?region=CAISO_NORTH&signal_type=co2_moer"
        "&start=2026-03-29T03%3A19%2B00%3A00&end=2026-03-29T04%3A19%2B00%3A00&horizon_hours=24"
    )
    forecast = rows.set_index("time")["forecast_watttime"].dropna()
    assert forecast.index.tolist() == [START + timedelta(minutes=15), START + timedelta(minutes=20)]
    assert forecast.tolist() == pytest.approx([272.155422, 276.6913457])
    assert rows["carbon_gco2e_per_kwh"].isna().tolist() == [False] * 3 + [True] * 2


@pytest.mark.parametrize("fault", [reply(b'{"detail": "upgrade"}', 403), html(), reply(changed({"units": "kg"}))])
def test_a_failing_forecast_costs_the_forecast_alone(fault: Behaviour) -> None:
    with payload_server(LOGIN, PAST, fault) as server:
        fetched = fetch(server)
    assert len(fetched.rows) == 4
    assert "; no forecast: " in fetched.note


REFUSED = [
    (b'{"error": "invalid scope"}', 403, r"answered 403: .*invalid scope"),
    (b"{}", 200, r"unexpected document: .*`data`"),
    (changed({"units": "kg_co2_per_mwh"}), 200, r"`units` is 'kg_co2_per_mwh', expected 'lbs_co2_per_mwh'"),
    (changed({"signal_type": "co2_aoer"}), 200, r"`signal_type` is 'co2_aoer', expected 'co2_moer'"),
    (changed({"region": "PJM_DC"}), 200, r"`region` is 'PJM_DC', expected 'CAISO_NORTH'"),
    (changed({"data_point_period_seconds": 3600}), 200, r"`data_point_period_seconds` is 3600, expected 300"),
    (changed(value="980"), 200, r"unexpected document: Expected `float \| null`.*\$\.data\[1\]"),
    (changed(value=9_000), 200, r"1 of 6 rows have an implausible carbon_gco2e_per_kwh such as 4082"),
    (changed(point_time="2026-03-29T04:29:00+00:00"), 200, r"states an actual for 2026-03-29 04:29 UTC, in the future"),
]


@pytest.mark.parametrize(("body", "status", "message"), REFUSED)
def test_answers_that_must_be_refused(body: bytes, status: int, message: str) -> None:
    with payload_server(LOGIN, reply(body, status), FORECAST) as server, pytest.raises(SourceError, match=message):
        fetch(server)


@pytest.mark.parametrize("fault", [html(), hang(), truncated(payload("watttime_historical.json"))])
def test_what_is_no_answer_is_refused(fault: Behaviour) -> None:
    with payload_server(LOGIN, fault) as server, pytest.raises(SourceError):
        fetch(server)


def test_it_is_marginal() -> None:
    with payload_server(LOGIN) as server:
        assert (source(server).signal.kind, source(server).signal.scope) == ("marginal", "direct")
        assert "marginal" in source(server).name
