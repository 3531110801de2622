"""CAISO's OASIS replayed by a real server: a CSV in a zip, its refusals, its pace, hostile archives."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from freesh_plugin.core.errors import SourceError
from models.sources.caiso import CaisoPrices
from models.sources.ports import Fetched
from models.sources.safe_zip import only_file
from models.sources.web import WebLimits
from tests.fakes.payload_server import Behaviour, PayloadServer, hang, html, payload_server, reply

QUICK = WebLimits(connect_s=0.5, read_s=0.5, total_s=5, tries=2, first_pause_s=0.01)
NODE = "TH_SP15_GEN-APND"
START, END = datetime(2026, 3, 1, 8, tzinfo=UTC), datetime(2026, 3, 1, 11, tzinfo=UTC)
NOW = datetime(2026, 2, 28, 23, tzinfo=UTC)
HEAD = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,OPR_INTERVAL,NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,"
    "LMP_TYPE,XML_DATA_ITEM,PNODE_RESMRID,GRP_TYPE,POS,MW,GROUP"
)


def row(hour: int, kind: str, price: str, node: str = NODE, market: str = "DAM") -> str:
    """A row as the interface specification describes it; written by hand."""
    at = START.replace(hour=hour)
    times = f"{at:%Y-%m-%dT%H:%M:%S}-00:00,{at + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}-00:00"
    return f"{times},2026-03-01,{hour - 7},0,{node},{node},{node},{market},{kind},LMP_PRC,{node},ALL,0,{price},1"


CSV = "\n".join(
    [
        HEAD,
        row(8, "LMP", "31.5"),
        row(8, "MCE", "30"),
        row(9, "LMP", "-4.25"),
        row(10, "LMP", "120"),
        row(11, "LMP", "9"),
    ]
)


def zipped(content: str | bytes = CSV, name: str = "20260301_20260301_PRC_LMP_DAM_v12.csv") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def refusal(code: str, words: str) -> bytes:
    error = f"<ERROR><ERR_CODE>{code}</ERR_CODE><ERR_DESC>{words}</ERR_DESC></ERROR>"
    xml = f'<OASISReport xmlns="http://www.caiso.com/soa/OASISReport_v1.xsd"><MessagePayload><RTO>{error}</RTO></MessagePayload></OASISReport>'
    return zipped(xml, "INVALID_REQUEST.xml")


@pytest.fixture
def server() -> Iterator[PayloadServer]:
    with payload_server(reply(zipped(), content_type="application/x-zip-compressed")) as running:
        yield running


def source(server: PayloadServer, now: datetime = NOW) -> CaisoPrices:
    return CaisoPrices(server.url, QUICK, clock=lambda: now, sleep=lambda _: None)


def fetch(server: PayloadServer, cut_off: datetime = NOW, now: datetime = NOW) -> Fetched:
    return source(server, now).fetch([NODE], START, END, cut_off=cut_off)


def test_the_whole_price_of_each_hour_in_dollars(server: PayloadServer) -> None:
    fetched = fetch(server)
    assert list(fetched.rows.columns) == ["time", "zone", "price_usd_per_mwh"]
    assert fetched.rows["time"].tolist() == list(pd.date_range(START, periods=3, freq="h"))
    assert fetched.rows["price_usd_per_mwh"].tolist() == [31.5, -4.25, 120.0]
    assert (set(fetched.rows["zone"]), fetched.note) == ({NODE}, "")


def test_what_is_asked(server: PayloadServer) -> None:
    fetch(server)
    assert server.requests == [
        f"GET /oasisapi/SingleZip?queryname=PRC_LMP&version=12&resultformat=6&market_run_id=DAM&node={NODE}"
        "&startdatetime=20260301T08%3A00-0000&enddatetime=20260301T11%3A00-0000"
    ]
    assert "authorization" not in server.headers[0]


def test_requests_keep_their_distance(server: PayloadServer) -> None:
    """Three requests: the second and third wait for what is left of five seconds."""
    waited: list[float] = []
    paced = CaisoPrices(server.url, QUICK, clock=lambda: NOW, sleep=waited.append)
    paced.fetch([NODE], START - timedelta(days=61), END, cut_off=NOW)
    assert len(server.requests) == 3
    assert len(waited) == 2
    assert all(0 < each <= 5 for each in waited)


def test_a_time_without_prices_yet_is_said(server: PayloadServer) -> None:
    server.behaviours[:] = [reply(refusal("1000", "No data returned for the specified selection"))]
    with pytest.raises(SourceError, match="no rows"):
        fetch(server)


def test_a_past_slot_sees_what_was_published_then(server: PayloadServer) -> None:
    """On 28 February at 12:00 in California, results of 1 March (from 08:00 UTC) were not out; at 15:00 they were."""
    later = NOW + timedelta(days=9)
    with pytest.raises(SourceError, match="no rows"):
        fetch(server, cut_off=datetime(2026, 2, 28, 20, tzinfo=UTC), now=later)
    fetched = fetch(server, cut_off=datetime(2026, 2, 28, 23, tzinfo=UTC), now=later)
    assert len(fetched.rows) == 3
    assert "assumed" in fetched.note


def bomb() -> bytes:
    return zipped(b"0" * (65 * 1024 * 1024))


def two_files() -> bytes:
    buffer = io.BytesIO(zipped())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("second.csv", CSV)
    return buffer.getvalue()


def damaged() -> bytes:
    whole = bytearray(zipped(CSV * 50))
    whole[60:90] = b"\0" * 30
    return bytes(whole)


FAULTS: list[tuple[str, Behaviour, str]] = [
    ("a refusal", reply(refusal("1015", "Invalid\n node")), "refused with code 1015: Invalid node"),
    ("a refusal without words", reply(zipped("<r/>", "x.xml")), "refused with code none: no reason given"),
    ("hostile xml", reply(zipped('<!DOCTYPE r [<!ENTITY a "b">]><r/>', "x.xml")), "document type"),
    ("a page", html(), "no readable zip archive"),
    ("too fast", reply(b"slow down", status=429), "answered 429"),
    ("an error", reply(b"oops", status=503), "answered 503"),
    ("silence", hang(), "cannot be reached"),
    ("not found", reply(b"gone", status=404), "answered 404"),
    ("an empty archive", reply(b"PK\x05\x06" + b"\0" * 18), "with 0 files"),
    ("two files", reply(two_files()), "with 2 files"),
    ("a bomb", reply(bomb()), "more than the limit of 8388608 bytes"),
    ("a damaged archive", reply(damaged()), "no readable zip archive"),
    ("another node", reply(zipped(f"{HEAD}\n{row(8, 'LMP', '1', node='OTHER')}")), "answered 'OTHER'"),
    ("another market", reply(zipped(f"{HEAD}\n{row(8, 'LMP', '1', market='RTM')}")), "answered 'RTM'"),
    ("other columns", reply(zipped("a,b\n1,2")), "'INTERVALSTARTTIME_GMT' is missing"),
    ("no csv", reply(zipped(b"")), "no readable CSV"),
    ("cents", reply(zipped(f"{HEAD}\n{row(8, 'LMP', '315000')}")), "implausible"),
    ("no number", reply(zipped(f"{HEAD}\n{row(8, 'LMP', 'n/a')}\n{row(9, 'LMP', 'x')}")), "implausible|no row"),
]  # fmt: skip


@pytest.mark.parametrize(("behaviour", "message"), [each[1:] for each in FAULTS], ids=[each[0] for each in FAULTS])
def test_faults_are_named(behaviour: Behaviour, message: str) -> None:
    with payload_server(behaviour) as server, pytest.raises(SourceError, match=message):
        fetch(server)


def test_an_encrypted_archive_is_not_opened() -> None:
    locked = bytearray(zipped())
    locked[6] |= 1
    at = locked.index(b"PK\x01\x02")
    locked[at + 8] |= 1
    with pytest.raises(SourceError, match="encrypted"):
        only_file(bytes(locked))


def test_an_archive_whose_entry_has_no_name_is_refused() -> None:
    body = bytearray(zipped())
    body[body.find(b"PK\x01\x02") + 46] = 0
    with pytest.raises(SourceError, match="zip archive"):
        only_file(bytes(body))
