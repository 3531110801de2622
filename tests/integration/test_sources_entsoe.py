"""ENTSO-E's API replayed by a real server: curve types, auctions, clock changes, publication, hostile documents."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from freesh_plugin.core.errors import SourceError
from models.sources.entsoe import EntsoePrices
from models.sources.ports import Fetched
from models.sources.web import WebLimits
from tests.fakes.payload_server import Behaviour, PayloadServer, hang, html, payload, payload_server, reply, truncated

QUICK = WebLimits(connect_s=0.5, read_s=0.5, total_s=5, tries=2, first_pause_s=0.01)
DE, NL = "10Y1001A1001A82H", "10YNL----------L"
START, END = datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)
"""Sunday 29 March 2026 in Brussels: 23 hours."""
NOW = datetime(2026, 3, 28, 15, tzinfo=UTC)
TOKEN = "0f5a-s3cret"
QUARTERS, HOURS, NO_DATA = (payload(f"entsoe_{each}.xml") for each in ("quarter_hours", "hours", "no_data"))


@pytest.fixture
def server() -> Iterator[PayloadServer]:
    with payload_server(reply(QUARTERS, content_type="text/xml")) as running:
        yield running


def source(server: PayloadServer, now: datetime = NOW) -> EntsoePrices:
    return EntsoePrices(TOKEN, 1.10, {"DE": DE}, server.url, QUICK, clock=lambda: now)


def fetch(server: PayloadServer, cut_off: datetime = NOW, now: datetime = NOW) -> Fetched:
    return source(server, now).fetch(["DE"], START, END, cut_off=cut_off)


def test_a_day_of_23_hours_with_prices_that_repeat(server: PayloadServer) -> None:
    """Positions 1, 5, 9, 50 and 92 of 92 are there; EUR 80, 76.5, -12.25, 0 and 100.1 at 1.10 USD."""
    fetched = fetch(server)
    rows = fetched.rows
    assert list(rows.columns) == ["time", "zone", "price_usd_per_mwh"]
    assert rows["time"].tolist() == list(pd.date_range(START, END, freq="15min", inclusive="left"))
    expected = [88.0] * 4 + [84.15] * 4 + [-13.475] * 41 + [0.0] * 42 + [110.11]
    assert rows["price_usd_per_mwh"].tolist() == pytest.approx(expected)
    assert set(rows["zone"]) == {"DE"}
    assert fetched.note == ""


def test_what_is_asked(server: PayloadServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="httpx")  # Airflow, once loaded, silences it
    fetch(server)
    assert server.requests == [
        f"GET /api?documentType=A44&contract_MarketAgreement.type=A01&in_Domain={DE}&out_Domain={DE}"
        f"&periodStart=202603282300&periodEnd=202603292200&securityToken={TOKEN}"
    ]
    assert server.headers[0]["accept"] == "application/xml"
    assert "GET" in caplog.text
    assert TOKEN not in caplog.text + repr(source(server))
    assert source(server).name == "ENTSO-E Transparency Platform day-ahead prices (EUR at 1.1 USD, as stated)"


def test_a_fixed_curve_keeps_its_gap_and_hours_hold_for_their_half_hours() -> None:
    start = datetime(2026, 3, 29, 22, tzinfo=UTC)
    with payload_server(reply(HOURS)) as server:
        rows = source(server).fetch([NL], start, start + timedelta(days=1), cut_off=NOW).rows
    at = [(each - start) / timedelta(minutes=30) for each in rows["time"]]
    assert at == [0, 1, 2, 3, 6, 7, 8, 9]
    assert rows["price_usd_per_mwh"].tolist() == pytest.approx([55, 55, 44, 44, 33, 33, 22, 11])


def test_two_months_are_asked_for_in_ranges_of_30_days(server: PayloadServer) -> None:
    source(server).fetch(["DE"], END - timedelta(days=61), END, cut_off=NOW)
    spans = [each.partition("periodStart=")[2].partition("&secur")[0] for each in server.requests]
    assert spans == [
        "202601272200&periodEnd=202602262200",
        "202602262200&periodEnd=202603282200",
        "202603282200&periodEnd=202603292200",
    ]


def test_a_time_without_prices_is_empty_not_a_failure() -> None:
    with payload_server(reply(NO_DATA), reply(QUARTERS)) as server:
        rows = source(server).fetch(["DE"], END - timedelta(days=31), END, cut_off=NOW).rows
    assert len(rows) == 92
    with payload_server(reply(NO_DATA)) as server, pytest.raises(SourceError, match=r"ENTSO-E .*: no rows"):
        fetch(server)


@pytest.mark.parametrize(
    ("cut_off", "known"),
    [
        (datetime(2026, 3, 28, 12, 1, tzinfo=UTC), 92),
        (datetime(2026, 3, 28, 12, 0, tzinfo=UTC), 92),
        (datetime(2026, 3, 28, 11, 59, tzinfo=UTC), 0),
    ],
)
def test_a_past_slot_sees_what_had_been_published(server: PayloadServer, cut_off: datetime, known: int) -> None:
    """The day's prices are out at 13:00 in Brussels the day before, 12:00 UTC in winter."""
    later = NOW + timedelta(days=30)
    if not known:
        with pytest.raises(SourceError, match="no rows"):
            fetch(server, cut_off, later)
        return
    fetched = fetch(server, cut_off, later)
    assert len(fetched.rows) == known
    assert fetched.note == "prices taken as published at 13:00 in Brussels the day before (assumed)"


def test_zones_need_a_code(server: PayloadServer) -> None:
    with pytest.raises(SourceError, match=r"zone 'FR' is no EIC code, and `zones` of the settings gives it none"):
        source(server).fetch(["FR"], START, END, cut_off=NOW)
    assert server.requests == []


def edited(old: str, new: str) -> bytes:
    assert old in QUARTERS.decode()
    return QUARTERS.decode().replace(old, new).encode()


BOMB = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<Publication_MarketDocument><TimeSeries>&c;&c;&c;</TimeSeries></Publication_MarketDocument>"""
FILE = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/hostname">]><a>&f;</a>"""

REFUSED = [
    (
        b"Unauthorized. Missing or invalid security token 0f5a-s3cret",
        401,
        r"answered 401: .*token \[secret\]'; not well",
    ),
    (
        NO_DATA.replace(b"No matching data found", b"Invalid query for 0f5a-s3cret"),
        400,
        r"Invalid query for \[secret\]",
    ),
    (NO_DATA.replace(b"<text>No", b"<txt>No").replace(b"</text>", b"</txt>"), 400, r"answered 400: "),
    (b"<html><body>Please log in</body></html>", 200, r"answered 200: '<html>"),
    (b"<html>", 200, r"not well-formed XML"),
    (b"", 200, r"an empty body; not well-formed XML: no element found"),
    (BOMB, 200, r"XML declares a document type 'a', which is not read"),
    (FILE, 200, r"XML declares a document type 'a', which is not read"),
    (b"<a>" * 40, 200, r"40 deep|33 deep; limits"),
    (edited("PT15M", "P1D"), 200, r"resolution 'P1D' is not known"),
    (edited("<curveType>A03", "<curveType>A02"), 200, r"curve type 'A02' is not known"),
    (edited("EUR", "PLN"), 200, r"`currency_Unit.name` is 'PLN', expected 'EUR'"),
    (edited(">MWH<", ">KWH<"), 200, r"`price_Measure_Unit.name` is 'KWH', expected 'MWH'"),
    (edited(f'codingScheme="A01">{DE}<', f'codingScheme="A01">{NL}<'), 200, r"`in_Domain.mRID` is '10YNL"),
    (edited("<position>92<", "<position>93<"), 200, r"position 93 of 92"),
    (edited("<position>9<", "<position>0<"), 200, r"position 0 of 92"),
    (edited("<position>9<", "<position>nine<"), 200, r"position 'nine' with price '-12.25'"),
    (edited("-12.25", "cheap"), 200, r"position '9' with price 'cheap'"),
    (edited("2026-03-28T23:00Z", "28.03.2026"), 200, r"'28.03.2026' is no time"),
    (edited("2026-03-29T22:00Z", "2026-03-27T22:00Z"), 200, r"a period from 2026-03-28 23:00"),
    (edited("2026-03-29T22:00Z", "2926-03-29T22:00Z"), 200, r"a period from 2026-03-28 23:00"),
    (edited("-12.25", "-99999"), 200, r"41 of 92 rows have an implausible price_usd_per_mwh such as -109998"),
    (edited(".position>2<", ".position>1<"), 200, r"contradict each other"),
]


@pytest.mark.parametrize(("body", "status", "message"), REFUSED)
def test_answers_that_must_be_refused(body: bytes, status: int, message: str) -> None:
    with payload_server(reply(body, status)) as server, pytest.raises(SourceError, match=message) as caught:
        fetch(server)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("fault", [html(), hang(), truncated(QUARTERS), reply(QUARTERS[:-40])])
def test_what_is_no_answer_is_refused(fault: Behaviour) -> None:
    with payload_server(fault) as server, pytest.raises(SourceError):
        fetch(server)


def test_a_redirect_that_sends_the_token_back_shows_it_to_nobody() -> None:
    location = f"https://elsewhere.example/api?securityToken={TOKEN}"
    with (
        payload_server(reply(b"", 302, Location=location)) as server,
        pytest.raises(SourceError, match=r"redirects to 'https://elsewhere.example/api', which is not followed"),
    ):
        fetch(server)
