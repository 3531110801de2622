"""What routers count, as rows: from their own metrics and from a Prometheus server, written and read again."""

import json
from pathlib import Path

import pytest

from freesh_plugin.core.errors import ProfileError
from profiling.live.counted_row import Counted, CountedRow
from profiling.live.live_table import append_live, is_live_table, read_live
from profiling.live.prometheus import history
from profiling.live.samples import METRICS
from profiling.live.scrape import looks, row_from_text
from tests.fakes.live_rows import Steady
from tests.fakes.payload_server import html, payload_server, reply

TEXT = """\
# TYPE tgi_request_generated_tokens histogram
tgi_request_generated_tokens_bucket{le="+Inf"} 7
tgi_request_generated_tokens_sum 900
tgi_request_generated_tokens_count 7
# TYPE tgi_request_input_length histogram
tgi_request_input_length_bucket{le="+Inf"} 7
tgi_request_input_length_sum 3500
tgi_request_input_length_count 7
# TYPE tgi_batch_inference_success unknown
tgi_batch_inference_success{method="prefill"} 6
tgi_batch_inference_success{method="decode"} 300
# TYPE tgi_batch_inference_duration histogram
tgi_batch_inference_duration_bucket{le="+Inf",method="prefill"} 6
tgi_batch_inference_duration_sum{method="prefill"} 0.5
tgi_batch_inference_duration_count{method="prefill"} 6
tgi_batch_inference_duration_bucket{le="+Inf",method="decode"} 300
tgi_batch_inference_duration_sum{method="decode"} 4.25
tgi_batch_inference_duration_count{method="decode"} 300
# TYPE tgi_batch_concat unknown
tgi_batch_concat{reason="chunking"} 4
tgi_batch_concat{reason="decode"} 2
# TYPE freesh_energy_joules counter
freesh_energy_joules_total{gpu="GPU-a",location="loc1"} 1000
freesh_energy_joules_total{gpu="GPU-b",location="loc1"} 1100
# TYPE freesh_sm_clock_mhz gauge
freesh_sm_clock_mhz{gpu="GPU-a"} 1110
freesh_sm_clock_mhz{gpu="GPU-b"} 1095
# TYPE freesh_requests counter
freesh_requests_total{answer_cell="0-inf",location="loc1",model="toy",origin="any",prompt_cell="0-inf",tier="t"} 7
"""
COUNTED = Counted(
    energy_j=2100,
    requests=7,
    prompt_tokens=3500,
    answer_tokens=900,
    prefill_passes=6,
    joined_passes=4,
    decode_passes=300,
    prefill_s=0.5,
    decode_s=4.25,
    deadline_misses=None,
    sm_clock_mhz=1095,
)


def test_a_routers_own_metrics() -> None:
    assert row_from_text(5.0, "r1", TEXT) == CountedRow(5.0, "r1", "loc1", "toy", COUNTED)


def test_a_router_without_gpus_or_answers_tells_less_and_makes_nothing_up() -> None:
    row = row_from_text(5.0, "r1", "tgi_queue_size 3\n")
    assert row == CountedRow(5.0, "r1", "default", "default", Counted())


def test_rows_are_read_as_written(tmp_path: Path) -> None:
    path, rows = tmp_path / "deep" / "live.csv", Steady().rows()
    append_live(path, rows[:1])
    append_live(path, rows[1:])
    for read, written in zip(read_live(path), rows, strict=True):
        assert (read.at_s, read.router, read.location, read.model) == (
            written.at_s,
            written.router,
            written.location,
            written.model,
        )
        assert vars(read.counted) == pytest.approx(vars(written.counted))
    assert is_live_table(path)
    assert not is_live_table(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("text", ["a,b\n", ",".join(("at_s", "router"))])
def test_another_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match="not a table of `profiling live`"):
        read_live(path)


def test_a_row_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    append_live(path, Steady().rows(2))
    path.write_text(path.read_text(encoding="utf-8").replace("1980", "fast"), encoding="utf-8")
    with pytest.raises(ProfileError, match="row 2"):
        read_live(path)


def test_looks_at_routers_leave_out_one_that_does_not_answer() -> None:
    with payload_server(reply(TEXT.encode(), content_type="text/plain")) as server:
        urls = [server.url, "http://127.0.0.1:9"]
        first, second = looks(urls, every_s=0.05, for_s=0.05)
    assert [[row.router for row in rows] for rows in (first, second)] == [[server.url]] * 2
    assert first[0].counted == COUNTED
    assert second[0].at_s > first[0].at_s


def test_no_router_or_no_metrics_is_an_error() -> None:
    with pytest.raises(ProfileError, match="none of"):
        next(looks(["http://127.0.0.1:9"], 1.0, 1.0))
    with payload_server(html()) as server, pytest.raises(ProfileError, match="no metrics"):
        next(looks([server.url], 1.0, 1.0))


def series(metric: str) -> bytes:
    """Two moments of one router, as Prometheus answers; only the energy's series are told, and the model's name."""
    labels = {
        "freesh_energy_joules_total": {"gpu": "GPU-a", "location": "loc1"},
        "freesh_requests_total": {"model": "toy"},
    }
    result = []
    if metric in labels:
        values = [[100, "10"], [160, "25.5"]]
        named = {"__name__": metric, "instance": "r1:3000"} | labels[metric]
        result = [{"metric": named, "values": values}]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


def test_the_same_rows_from_a_prometheus_server() -> None:
    with payload_server(*(reply(series(metric)) for metric in METRICS)) as server:
        rows = history(server.url, until_s=160, for_s=60, every_s=60, token="secret")
        assert {each.get("authorization") for each in server.headers} == {"Bearer secret"}
        assert all("start=100" in each and "end=160" in each and "step=60" in each for each in server.requests)
    assert [(row.at_s, row.router, row.location, row.model) for row in rows] == [
        (100, "r1:3000", "loc1", "toy"),
        (160, "r1:3000", "loc1", "toy"),
    ]
    assert [row.counted for row in rows] == [Counted(energy_j=10), Counted(energy_j=25.5)]


def test_a_server_that_has_nothing_or_is_no_prometheus() -> None:
    with payload_server(reply(series("other"))) as server, pytest.raises(ProfileError, match="no router's metrics"):
        history(server.url, 160, 60, 60)
    with payload_server(html()) as server, pytest.raises(ProfileError, match="no answer as Prometheus"):
        history(server.url, 160, 60, 60)
    with pytest.raises(ProfileError, match="look less often"):
        history("http://127.0.0.1:9", 160, 1e6, 1)
