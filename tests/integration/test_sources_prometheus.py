"""Offered load from Prometheus: replayed answers, and a real server of Debian's that scrapes a real exporter."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, start_http_server

from freesh_plugin.core.errors import SourceError
from freesh_plugin.core.request import CellGrid
from models.sources.prometheus import PrometheusTraffic
from models.sources.web import WebLimits
from tests.fakes.payload_server import PayloadServer, hang, payload, payload_server, reply

QUICK = WebLimits(connect_s=0.5, read_s=0.5, total_s=5, tries=2, first_pause_s=0.01)
NOON = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
NOON_S = 1_774_785_600
CELLS = CellGrid((512,), (444,))
QUERY = (
    "sum+by+%28origin%2C+model%2C+tier%2C+prompt_cell%2C+predicted_answer_cell%29+"
    "%28increase%28freesh_arrivals_total%5B300s%5D%29%29+%2F+300"
)


@pytest.fixture
def server() -> Iterator[PayloadServer]:
    with payload_server(reply(payload("prometheus_query_range.json"))) as running:
        yield running


def changed(**metric: object) -> bytes:
    document = json.loads(payload("prometheus_query_range.json"))
    document["data"]["result"][0]["metric"] |= metric
    return json.dumps(document).encode()


def test_rates_by_cell_with_their_gap(server: PayloadServer) -> None:
    source = PrometheusTraffic(server.url, "s3cret", limits=QUICK)
    rows = source.fetch(CELLS, NOON, NOON + timedelta(minutes=24)).rows
    assert server.requests == [
        f"GET /api/v1/query_range?query={QUERY}&start={NOON_S + 300}&end={NOON_S + 1200}&step=300"
    ]
    assert server.headers[0]["authorization"] == "Bearer s3cret"
    short = rows[(rows["prompt_cell"] == "0-512") & (rows["answer_cell"] == "0-444")]
    assert short["time"].tolist() == [NOON, NOON + timedelta(minutes=5), NOON + timedelta(minutes=15)]
    assert short["demand_rps"].tolist() == [1.5, 2.0, 2.25]
    batch = rows[rows["tier"] == "batch"]
    assert batch[["prompt_cell", "answer_cell", "model", "origin"]].values.tolist() == [
        ["512-inf", "444-inf", "default", "any"]
    ]
    assert len(rows) == 7


def test_only_whole_steps_of_the_clock_are_asked_for(server: PayloadServer) -> None:
    source = PrometheusTraffic(server.url, limits=QUICK)
    source.fetch(CELLS, NOON + timedelta(seconds=1), NOON + timedelta(minutes=20, seconds=299))
    assert f"&start={NOON_S + 600}&end={NOON_S + 1200}&" in server.requests[0]
    assert "authorization" not in server.headers[0]


def test_long_history_is_asked_for_in_parts(server: PayloadServer) -> None:
    source = PrometheusTraffic(server.url, limits=QUICK)
    rows = source.fetch(CELLS, NOON - timedelta(days=60), NOON + timedelta(minutes=20)).rows
    assert len(rows) == 7  # the same payload twice is one
    assert len(server.requests) == 2
    assert f"&end={NOON_S + 1200}&" in server.requests[1]


REFUSED = [
    (payload("prometheus_error.json"), 422, r"answered 422: .*query timed out"),
    (payload("prometheus_error.json"), 200, r"unexpected document: .*status"),
    (b'{"status":"success","data":{"resultType":"matrix","result":[]}}', 200, r"no samples of freesh_arrivals_total"),
    (b'{"status":"success","data":{"resultType":"vector","result":[]}}', 200, r"unexpected document: .*resultType"),
    (b'{"status":"success"}', 200, r"unexpected document: .*`data`"),
    (changed(prompt_cell="short"), 200, r"cell label 'short' is not of the form lo-hi"),
    (changed(origin=""), 200, r"freesh_arrivals_total lacks a label of origin"),
    (payload("prometheus_query_range.json").replace(b'"10"', b'"-1"'), 200, r"implausible demand_rps such as -1"),
    (
        payload("prometheus_query_range.json").replace(b'"10"', b'"+Inf"'),
        200,
        r"implausible demand_rps such as inf",
    ),
    (payload("prometheus_query_range.json").replace(b'"10"', b'"ten"'), 200, r"sample 'ten' is not a number"),
    (payload("prometheus_query_range.json").replace(b'"10"', b"10"), 200, r"unexpected document: Expected `str`"),
    (payload("prometheus_query_range.json").replace(b"785900", b"785901"), 200, r"is not on the grid of 300 s"),
]


@pytest.mark.parametrize(("body", "status", "message"), REFUSED)
def test_answers_that_must_be_refused(body: bytes, status: int, message: str) -> None:
    with payload_server(reply(body, status)) as server, pytest.raises(SourceError, match=message):
        PrometheusTraffic(server.url, limits=QUICK).fetch(CELLS, NOON, NOON + timedelta(minutes=20))


def test_a_hanging_server_is_left() -> None:
    with payload_server(hang()) as server, pytest.raises(SourceError, match=r"cannot be reached: ReadTimeout"):
        PrometheusTraffic(server.url, limits=QUICK).fetch(CELLS, NOON, NOON + timedelta(minutes=20))


def test_nan_is_missing() -> None:
    body = payload("prometheus_query_range.json").replace(b'"10"', b'"NaN"')
    with payload_server(reply(body)) as server:
        rows = PrometheusTraffic(server.url, limits=QUICK).fetch(CELLS, NOON, NOON + timedelta(minutes=20)).rows
    assert len(rows) == 6


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[tuple[str, Counter]]:
    """A real Prometheus that scrapes a real exporter five times a second."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed: `make setup-system` installs it")
    registry = CollectorRegistry()
    labels = ("location", "origin", "model", "tier", "prompt_cell", "predicted_answer_cell")
    counter = Counter("freesh_arrivals", "Offered load", labels, registry=registry)
    exporter, exporting = start_http_server(0, addr="127.0.0.1", registry=registry)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = {
        "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
        "scrape_configs": [
            {"job_name": "freesh", "static_configs": [{"targets": [f"127.0.0.1:{exporter.server_address[1]}"]}]}
        ],
    }
    (tmp_path / "prometheus.yml").write_text(json.dumps(config))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={tmp_path}/prometheus.yml",
                f"--storage.tsdb.path={tmp_path}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield f"http://127.0.0.1:{port}", counter
    finally:
        process.terminate()
        process.wait(timeout=30)
        exporter.shutdown()
        exporter.server_close()
        exporting.join()


def test_a_real_prometheus_gives_what_was_counted(prometheus: tuple[str, Counter]) -> None:
    url, counter = prometheus
    step_s = 2
    places = [counter.labels(place, "any", "default", "default", "0-512", "0-444") for place in ("north", "south")]
    _wait_for(f"{url}/api/v1/query?query=count(freesh_arrivals_total)", '"2"')
    began = datetime.now(UTC)
    # Evenly, as requests come: `increase` does not see a jump between the scrapes at the border of two windows.
    for _ in range(200):
        for place in places:
            place.inc()
        time.sleep(0.01)
    _wait_for(f"{url}/api/v1/query?query=sum(freesh_arrivals_total)", '"400"')
    time.sleep(step_s)
    source = PrometheusTraffic(url, step_s=step_s, limits=QUICK)
    rows = source.fetch(CELLS, began - timedelta(seconds=2 * step_s), datetime.now(UTC)).rows
    assert rows[["prompt_cell", "answer_cell"]].drop_duplicates().values.tolist() == [["0-512", "0-444"]]
    assert set(rows["demand_rps"] >= 0) == {True}
    # `increase` extrapolates to the edges of its window, so the count is met only nearly.
    assert rows["demand_rps"].sum() * step_s == pytest.approx(400, rel=0.3)


def _wait_for(query: str, text: str) -> None:
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        try:
            if text in httpx.get(query, trust_env=False).text:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{query} never answered {text}")


def test_totals_are_what_the_settings_query_gives(server: PayloadServer) -> None:
    """TGI's own counter knows no cells: rows are of all lengths, and of one origin and tier."""
    series = [{"metric": {"model": "big", "pod": "x"}, "values": [[NOON_S + 300, "4.5"], [NOON_S + 600, "5"]]}]
    body = {"status": "success", "data": {"resultType": "matrix", "result": series}}
    server.behaviours[:] = [reply(json.dumps(body).encode())]
    source = PrometheusTraffic(server.url, limits=QUICK, totals="sum by (model) (rate(tgi_request_count[5m]))")
    rows = source.fetch(CELLS, NOON, NOON + timedelta(minutes=10)).rows
    assert "query=sum+by+%28model%29+%28rate%28tgi_request_count%5B5m%5D%29%29" in server.requests[0]
    assert rows["demand_rps"].tolist() == [4.5, 5.0]
    assert rows[["prompt_cell", "answer_cell", "model", "origin", "tier"]].drop_duplicates().values.tolist() == [
        ["0-inf", "0-inf", "big", "any", "default"]
    ]


def test_rows_are_kept_apart_by_what_was_asked() -> None:
    url = "http://127.0.0.1:9090"
    names = {
        PrometheusTraffic(url).name,
        PrometheusTraffic(url, step_s=60).name,
        PrometheusTraffic(url, totals="sum(rate(a[5m]))").name,
        PrometheusTraffic(url, totals="sum(rate(b[5m]))").name,
    }
    assert len(names) == 4
    assert not any("rate" in name for name in names)
