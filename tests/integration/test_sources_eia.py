"""EIA's API replayed by a real server: intensity worked by hand from generation, pages, gaps, refused answers."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from freesh_plugin.core.errors import SourceError
from models.sources.eia import EiaCarbon, intensity_of
from models.sources.ports import Fetched
from models.sources.web import WebLimits
from tests.fakes.payload_server import Behaviour, PayloadServer, hang, html, payload, payload_server, reply, truncated

QUICK = WebLimits(connect_s=0.5, read_s=0.5, total_s=5, tries=2, first_pause_s=0.01)
START, END = datetime(2026, 3, 29, 7, tzinfo=UTC), datetime(2026, 3, 29, 11, tzinfo=UTC)
NOW = datetime(2026, 3, 29, 12, 30, tzinfo=UTC)
TOKEN = "eia-s3cret"
BODY = payload("eia_fuel_type.json")


@pytest.fixture
def server() -> Iterator[PayloadServer]:
    with payload_server(reply(BODY)) as running:
        yield running


def fetch(server: PayloadServer, cut_off: datetime = NOW, end: datetime = END) -> Fetched:
    source = EiaCarbon(TOKEN, server.url, QUICK, clock=lambda: NOW)
    return source.fetch(["CISO"], START, end, cut_off=cut_off)


def changed(row: int, **changes: object) -> bytes:
    document = json.loads(BODY)
    document["response"]["data"][row] |= {name.replace("_", "-"): value for name, value in changes.items()}
    return json.dumps(document).encode()


def page(first: int, last: int) -> Behaviour:
    document = json.loads(BODY)
    document["response"]["data"] = document["response"]["data"][first:last]
    return reply(json.dumps(document).encode())


def test_intensity_worked_by_hand(server: PayloadServer) -> None:
    """Hour to 08: coal 100, gas 4000, oil 20, nuclear 2200, sun 3000, wind 1500 MWh, water -50 (none), other 300.

    100 x 2.31 + 4000 x 0.96 + 20 x 2.46 = 4120.2 thousand lb over 10,820 MWh; x 453.59237 g/lb = 172.72563 g/kWh.
    Hour to 09: 2500 x 0.96 = 2400 over 10,000 MWh: 108.86217 g/kWh. To 10 the gas is not reported. To 11 `other` has
    1700 of 15,260 MWh, 11 %.
    """
    fetched = fetch(server)
    rows = fetched.rows
    assert rows["time"].tolist() == list(pd.date_range(START, END, freq="1h", inclusive="left"))
    assert rows["carbon_gco2e_per_kwh"].tolist()[:2] == pytest.approx([172.7256269, 108.8621688])
    assert rows["carbon_gco2e_per_kwh"].isna().tolist() == [False, False, True, True]
    assert fetched.note == (
        "CISO: 1 of 4 hours lack a usual energy source and are missing; 1 of 4 hours are missing for want of factors;"
        " 1.3% of the generation has no factor and is left out"
    )


def test_what_is_asked(server: PayloadServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fetch(server)
    assert server.requests == [
        "GET /v2/electricity/rto/fuel-type-data/data/?frequency=hourly&data%5B0%5D=value"
        "&facets%5Brespondent%5D%5B%5D=CISO&start=2026-03-29T08&end=2026-03-29T12"
        "&sort%5B0%5D%5Bcolumn%5D=period&sort%5B0%5D%5Bdirection%5D=asc"
        "&sort%5B1%5D%5Bcolumn%5D=fueltype&sort%5B1%5D%5Bdirection%5D=asc&offset=0&length=5000&api_key=eia-s3cret"
    ]
    assert TOKEN not in caplog.text + repr(EiaCarbon(TOKEN))
    assert "computed from generation, factors: EIA 2023" in EiaCarbon(TOKEN).name
    assert (EiaCarbon(TOKEN).signal.kind, EiaCarbon(TOKEN).signal.scope) == ("average", "direct")


def test_pages_are_read_to_the_last(server: PayloadServer) -> None:
    whole = fetch(server).rows
    with payload_server(page(0, 20), page(20, 30), page(30, 36)) as paged:
        rows = fetch(paged).rows
    pd.testing.assert_frame_equal(rows, whole)
    assert [each.partition("&offset=")[2].partition("&")[0] for each in paged.requests] == ["0", "20", "30"]


def test_a_page_that_stays_empty_ends_the_reading() -> None:
    with payload_server(page(0, 18), page(0, 0)) as server:
        assert len(fetch(server).rows) == 2
    assert len(server.requests) == 2


def test_what_ended_after_the_cut_off_is_hidden(server: PayloadServer) -> None:
    rows = fetch(server, cut_off=START + timedelta(minutes=90)).rows
    assert rows["carbon_gco2e_per_kwh"].isna().tolist() == [False, True, True, True]


def test_one_unreadable_row_costs_its_hour() -> None:
    with payload_server(reply(changed(2, value="much"))) as server:
        fetched = fetch(server)
    assert fetched.rows["carbon_gco2e_per_kwh"].isna().tolist() == [True, False, True, True]
    assert fetched.note.startswith("CISO: 1 of 36 rows have an implausible mwh such as much")


def test_storage_gives_back_what_was_counted_before() -> None:
    hours = pd.DataFrame({"NG": [100.0, 100.0], "SUN": [100.0, 100.0], "BAT": [300.0, -300.0], "PS": [50.0, 0.0]})
    intensity, note = intensity_of(hours)
    assert intensity.tolist() == pytest.approx([217.7243376] * 2)
    assert note == ""


def test_an_hour_without_generation_is_missing() -> None:
    intensity, note = intensity_of(pd.DataFrame({"NG": [0.0, 5.0], "SUN": [0.0, 0.0]}))
    assert intensity.isna().tolist() == [True, False]
    assert note == "1 of 2 hours are missing for want of factors"


REFUSED = [
    (payload("eia_error.json"), 403, r"answered 403: .*API_KEY_INVALID"),
    (payload("eia_error.json"), 200, r"unexpected document: .*`response`"),
    (b'{"error": "no such key eia-s3cret"}', 400, r"answered 400: .*no such key \[secret\]"),
    (b'{"response": {"total": "0", "data": []}}', 200, r"CISO: no rows"),
    (b'{"response": {"total": "many", "data": []}}', 200, r"`total` is 'many'"),
    (changed(3, respondent="ERCO"), 200, r"asked for 'CISO' in megawatthours, answered 'ERCO'"),
    (changed(3, value_units="kilowatthours"), 200, r"answered 'CISO' in 'kilowatthours'"),
    (changed(3, value=[1]), 200, r"unexpected document: .*\$\.response\.data\[3\]\.value"),
    (BODY.replace(b"2026-03-29T", b"2026/03/29 "), 200, r"36 of 36 rows without a time or key"),
    (BODY.replace(b'"4000"', b'"4e9"').replace(b'"2500"', b'"4e9"'), 200, r"2 of 36 rows have an implausible mwh"),
]


@pytest.mark.parametrize(("body", "status", "message"), REFUSED)
def test_answers_that_must_be_refused(body: bytes, status: int, message: str) -> None:
    with payload_server(reply(body, status)) as server, pytest.raises(SourceError, match=message) as caught:
        fetch(server)
    assert TOKEN not in str(caught.value)


def test_generation_of_the_future_is_refused() -> None:
    with (
        payload_server(reply(BODY.replace(b"2026-03-29T09", b"2026-03-29T15"))) as server,
        pytest.raises(SourceError, match="in the future"),
    ):
        fetch(server, end=END + timedelta(hours=9))


@pytest.mark.parametrize("fault", [html(), hang(), truncated(BODY), reply(BODY[:-30])])
def test_what_is_no_answer_is_refused(fault: Behaviour) -> None:
    with payload_server(fault) as server, pytest.raises(SourceError):
        fetch(server)
