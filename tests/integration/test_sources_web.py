"""HTTP of the sources against a real server that fails in every way: bounded, never redirected, told clearly."""

import dataclasses
import logging
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from freesh_plugin.core.errors import ConfigError, SourceError
from models.sources.web import Answer, WebLimits, WebRequest, check_url, exchange, get_json, refuse_plain_token
from tests.fakes.payload_server import (
    Behaviour,
    drip,
    hang,
    hang_up,
    html,
    huge,
    payload_server,
    reply,
    truncated,
)

QUICK = WebLimits(connect_s=0.5, read_s=0.2, total_s=5, tries=2, first_pause_s=0.01, answer_bytes=1_000_000)
OK = reply(b'{"a": [1, 2.5, null]}')


def test_json_is_answered_at_the_first_try() -> None:
    with payload_server(OK) as server:
        request = WebRequest("GET", f"{server.url}/path", {"q": "sum(x) by (y)"}, token="s3cret")
        assert get_json(request, QUICK) == {"a": [1, 2.5, None]}
    assert server.requests == ["GET /path?q=sum%28x%29+by+%28y%29"]
    assert server.headers[0]["authorization"] == "Bearer s3cret"
    assert server.headers[0]["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "fault",
    [
        reply(b"oops", 500),
        reply(b"", 503),
        reply(b"", 408),
        reply(b"", 429),
        reply(b"", 429, Retry_After="0"),
        reply(b"", 429, Retry_After="when you like"),
        reply(b"", 503, Retry_After=format_datetime(datetime(2026, 3, 1, tzinfo=UTC), usegmt=True)),
        reply(b"", 503, Retry_After="Sun, 01 Mar 2026 12:00:00 -0000"),
        hang(),
        hang_up(),
        truncated(b"{}" * 50),
    ],
)
def test_a_passing_fault_is_tried_again(fault: Behaviour) -> None:
    with payload_server(fault, OK) as server:
        assert get_json(WebRequest("GET", server.url), QUICK) == {"a": [1, 2.5, None]}
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "message", "tries"),
    [
        (reply(b"broken\r\nhere", 500), r"answered 500: 'broken here' \(2 tries\)", 2),
        (reply(b"", 502), r"answered 502: an empty body \(2 tries\)", 2),
        (hang(), r"cannot be reached: ReadTimeout \(2 tries\)", 2),
        (hang_up(), r"cannot be reached: .*disconnected.* \(2 tries\)", 2),
        (truncated(b"{}" * 50), r"cannot be reached: .*closed.* \(2 tries\)", 2),
        (reply(b"slow down", 429), r"answered 429: 'slow down' \(2 tries\)", 2),
        (reply(b"", 429, Retry_After="3600"), r"answered 429: an empty body; it asks to wait 3600 s, limit 20 s", 1),
        (
            reply(b"", 503, Retry_After=format_datetime(datetime.now(UTC) + timedelta(days=365), usegmt=True)),
            r"answered 503: an empty body; it asks to wait 3\d{7} s, limit 20 s",
            1,
        ),
        (html(), r"something that is not JSON: '<!DOCTYPE html>", 1),
        (reply(b'{"a": [1, 2'), r"something that is not JSON", 1),
        (reply(b'{"a": NaN}'), r"something that is not JSON", 1),
        (reply(b"\xff\xfe\x00"), r"something that is not JSON", 1),
        (reply(b"[" * 100_000), r"something that is not JSON", 1),
        (reply(b"no such thing", 404), r"answered 404: 'no such thing'", 1),
        (reply(b"", 401), r"answered 401: an empty body", 1),
        (
            reply(b"", 301, Location="http://evil.example/"),
            r"redirects to 'http://evil.example/', which is not followed",
            1,
        ),
        (reply(b"", 307), r"redirects to 'nowhere'", 1),
        (reply(b"{}", Content_Encoding="gzip"), r"answered compressed, which was not asked for", 1),
        (huge(), r"answered more than the limit of 1000000 bytes", 1),
    ],
)
def test_a_lasting_fault_is_told_clearly(fault: Behaviour, message: str, tries: int) -> None:
    with payload_server(fault) as server, pytest.raises(SourceError, match=message):
        get_json(WebRequest("GET", f"{server.url}/x?key=s3cret", token="s3cret"), QUICK)
    assert len(server.requests) == tries


@pytest.mark.parametrize("fault", [drip(b"["), drip(b"", head=True)])
def test_a_server_that_drips_runs_into_the_total_limit(fault: Behaviour) -> None:
    limits = dataclasses.replace(QUICK, total_s=0.5)
    with payload_server(fault) as server, pytest.raises(SourceError, match=r"did not answer within 0\.5 s"):
        get_json(WebRequest("GET", server.url), limits)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(SourceError, match=rf"http://127\.0\.0\.1:{port}/x cannot be reached: .*\(2 tries\)"):
        get_json(WebRequest("GET", f"http://127.0.0.1:{port}/x"), QUICK)


def test_errors_show_neither_token_nor_query() -> None:
    with payload_server(reply(b"", 403)) as server, pytest.raises(SourceError) as caught:
        get_json(WebRequest("GET", f"{server.url}/x", {"key": "s3cret"}, token="s3cret"), QUICK)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(WebRequest("GET", "http://h", token="s3cret"))


def secretive(url: str) -> WebRequest:
    """A request with a secret in each place, two of which look otherwise in a URL."""
    return WebRequest(
        "GET", url, {"a": "b"}, token="t0k+en", secret_headers={"auth-token": "k=y"}, secret_params={"key": "p&ss"}
    )


def test_secrets_travel_each_in_its_place() -> None:
    with payload_server(OK) as server:
        get_json(secretive(f"{server.url}/x"), QUICK)
    assert server.requests == ["GET /x?a=b&key=p%26ss"]
    assert server.headers[0]["authorization"] == "Bearer t0k+en"
    assert server.headers[0]["auth-token"] == "k=y"


@pytest.mark.parametrize(
    "fault",
    [
        reply(b"x" * 195 + b" t0k+en k=y p&ss key=p%26ss", 403),
        reply(b"x" * 150 + b" t0k+en k=y p&ss key=p%26ss"),
        reply(b"busy: t0k%2Ben k%3Dy p%26ss", 503),
        reply(b"", 302, Location="http://evil.example/t0k+en/?key=p%26ss"),
    ],
)
def test_secrets_that_a_server_sends_back_are_struck_out(fault: Behaviour, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="httpx")  # Airflow, once loaded, silences it
    with payload_server(fault) as server, pytest.raises(SourceError) as caught:
        get_json(secretive(f"{server.url}/x"), QUICK)
    for secret in ("t0k", "k=y", "k%3Dy", "p&s", "p%26"):
        assert secret not in str(caught.value) + caplog.text + repr(secretive("http://h"))
    assert "HTTP Request: GET" in caplog.text


@pytest.mark.parametrize("place", ["secret_headers", "secret_params"])
def test_a_secret_that_no_header_can_carry_is_refused_unseen(place: str) -> None:
    with pytest.raises(ConfigError, match=r"token for https://h: empty, or with characters") as caught:
        WebRequest("GET", "https://h", **{place: {"key": "a\nb"}})  # type: ignore[arg-type]  # one of two mappings
    assert "a\nb" not in str(caught.value)


@pytest.mark.parametrize("token", ["", " ", "a\nb", "ü", "a\x7f"])
def test_a_token_that_no_header_can_carry_is_refused_unseen(token: str) -> None:
    with pytest.raises(ConfigError, match=r"token for https://h: empty, or with characters") as caught:
        WebRequest("GET", "https://h", token=token)
    assert not token.strip() or token not in str(caught.value)


@pytest.mark.parametrize("status", [200, 204, 404, 409])
def test_any_other_status_is_an_answer(status: int) -> None:
    with payload_server(reply(b"" if status == 204 else b"x", status)) as server:
        answer = exchange(WebRequest("PUT", server.url, body=b"plan"), QUICK)
    assert isinstance(answer, Answer)
    assert answer.status_code == status
    assert server.bodies == [b"plan"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host",
        "ftp://h",
        "http://",
        "http://h:0",
        "http://h:99999",
        "http://[::1",
        "http://me:pw@h",
        "http://h?a=1",
        "http://h#f",
    ],
)
def test_urls_that_cannot_be_meant_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="where"):
        check_url(url, "where")


def test_a_token_travels_unencrypted_only_when_told_to() -> None:
    for url in ("http://127.0.0.1:1", "http://[::1]:1", "http://localhost", "https://far.example"):
        refuse_plain_token(url, "t", allow_plain_http=False)
    refuse_plain_token("http://far.example", None, allow_plain_http=False)
    refuse_plain_token("http://far.example", "t", allow_plain_http=True)
    with pytest.raises(ConfigError, match="a token would travel unencrypted"):
        refuse_plain_token("http://far.example", "t", allow_plain_http=False)
