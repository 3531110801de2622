"""Frames between owners and helper: whatever the cuts of the stream, and whatever is not a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.adapters.gpu.helper_frames import (
    MAX_FRAME_BYTES,
    Done,
    Failed,
    FrameBuffer,
    HelperFrameError,
    Limit,
    Ready,
    Release,
    Reply,
    Request,
    as_reply,
    as_request,
    frame,
)
from freesh_plugin.core.gpu import GpuFailure

UUID = "GPU-00000000-0000-4000-8000-00000000fa4e"
uuids = st.lists(st.from_regex(r"GPU-[0-9a-f]{8}-[0-9a-f-]{1,20}", fullmatch=True), min_size=1, max_size=8).map(tuple)
requests = st.one_of(
    st.builds(Limit, uuids, st.integers(1, 100_000), st.booleans()),
    st.builds(Release, uuids),
)
replies = st.one_of(
    st.just(Ready()), st.just(Done()), st.builds(Failed, st.text(), st.sampled_from(GpuFailure), st.text())
)


@given(st.lists(requests, max_size=5), st.integers(1, 50))
def test_requests_arrive_whole_however_the_stream_is_cut(sent: list[Request], cut: int) -> None:
    stream = b"".join(map(frame, sent))
    buffer = FrameBuffer()
    pieces = [stream[at : at + cut] for at in range(0, len(stream), cut)]
    assert [as_request(body) for piece in pieces for body in buffer.feed(piece)] == sent


@given(replies)
def test_replies_arrive_whole(sent: Reply) -> None:
    assert [as_reply(body) for body in FrameBuffer().feed(frame(sent))] == [sent]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"type":"set","uuids":["GPU-00000000"]}',
        b'{"type":"limit","uuids":["GPU-00000000"],"sm_clock_mhz":"fast"}',
        b'{"type":"limit","uuids":["GPU-00000000"],"sm_clock_mhz":0}',
        b'{"type":"limit","uuids":[],"sm_clock_mhz":210}',
        b'{"type":"release","uuids":["../../etc/passwd"]}',
        b'{"type":"release","uuids":["GPU-00000000/../x"]}',
        b'{"type":"release","uuids":["GPU-00000000"],"force":true}',
        b'{"type":"release","uuids":["GPU-00000000\\n"]}',
    ],
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(HelperFrameError):
        as_request(body)


@given(st.binary(max_size=300))
def test_hostile_bytes_are_an_error_or_wait_for_more(data: bytes) -> None:
    buffer = FrameBuffer()
    try:
        for body in buffer.feed(data):
            as_request(body)
    except HelperFrameError:
        pass


def test_a_frame_larger_than_any_is_refused_before_it_arrives() -> None:
    with pytest.raises(HelperFrameError, match="limit"):
        list(FrameBuffer().feed((MAX_FRAME_BYTES + 1).to_bytes(4, "little")))
