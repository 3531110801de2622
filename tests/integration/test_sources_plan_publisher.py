"""Pushing plans to the real plan API, and to servers that are something else or fail."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from freesh_plugin.adapters.plan_store import FilePlanStore
from freesh_plugin.core.errors import ConfigError, SourceError
from models.sources.plan_publisher import push_plan
from models.sources.web import WebLimits
from tests.fakes.payload_server import Behaviour, drip, hang, hang_up, html, huge, payload_server, reply
from tests.fakes.plan_server import TOKEN, RunningServer, running_plan_server
from tests.fakes.plans import SAMPLE_EPOCH, sample_text

QUICK = WebLimits(connect_s=0.5, read_s=0.3, tries=2, first_pause_s=0.01)
ACCEPTED = b'{"epoch": 7, "revision": 1, "digest": "sha256:aa", "accepted": true, "reason": ""}'
REFUSED = ACCEPTED.replace(b"true", b"false")


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[RunningServer]:
    with running_plan_server(FilePlanStore(tmp_path)) as running:
        yield running


def test_a_plan_is_accepted_once_and_again(runtime: RunningServer) -> None:
    for _ in range(2):
        answer = push_plan(runtime.url, sample_text(), TOKEN)
        assert (answer.accepted, answer.status_code) == (True, 200)
        assert (answer.epoch, answer.revision) == (SAMPLE_EPOCH, 1)
        assert answer.digest.startswith("sha256:")


def test_refusals_are_answers(runtime: RunningServer) -> None:
    assert push_plan(runtime.url + "/", sample_text(revision=2), TOKEN).accepted
    replayed = push_plan(runtime.url, sample_text(revision=1), TOKEN)
    assert (replayed.accepted, replayed.status_code) == (False, 409)
    assert replayed.reason
    other = push_plan(runtime.url, sample_text(revision=2, instances=3), TOKEN)
    assert (other.accepted, other.status_code) == (False, 409)
    wrong = push_plan(runtime.url, sample_text(revision=3), "wrong")
    assert (wrong.accepted, wrong.status_code) == (False, 401)
    missing = push_plan(runtime.url, sample_text(revision=3), None)
    assert missing.status_code == 401
    torn = push_plan(runtime.url, sample_text(revision=3)[:-40], TOKEN)
    assert (torn.accepted, torn.status_code) == (False, 422)
    forged = push_plan(runtime.url, sample_text(revision=3).replace(b'"sample"', b'"forged"'), TOKEN)
    assert (forged.accepted, forged.status_code) == (False, 422)
    assert "digest" in forged.reason


def test_what_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with payload_server(reply(b"busy", 503), reply(ACCEPTED)) as server:
        assert push_plan(server.url, b"the plan", "s3cret", limits=QUICK).accepted
    assert server.requests == ["PUT /v1/plan"] * 2
    assert server.bodies == [b"the plan"] * 2
    assert server.headers[1]["authorization"] == "Bearer s3cret"
    assert server.headers[1]["content-type"] == "application/json"
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    ("behaviour", "message", "tries"),
    [
        (reply(REFUSED.replace(b'""', b'"disk full"'), 507), r"answered 507: .*disk full.* \(2 tries\)", 2),
        (reply(b"", 500), r"answered 500: an empty body \(2 tries\)", 2),
        (hang(), r"ReadTimeout \(2 tries\)", 2),
        (hang_up(), r"cannot be reached: .* \(2 tries\)", 2),
        (html(), r"answered 200, but not as FREESH does: '<!DOCTYPE html>", 1),
        (reply(b"nothing here", 404), r"answered 404, but not as FREESH does: 'nothing here'", 1),
        (
            reply(b"", 301, Location="http://evil.example"),
            r"redirects to 'http://evil\.example', which is not followed",
            1,
        ),
        (reply(REFUSED), r"answered 200 and accepted=False at once", 1),
        (reply(ACCEPTED, 409), r"answered 409 and accepted=True at once", 1),
        (huge(), r"answered more than the limit of 65536 bytes", 1),
        (drip(b"{"), r"did not answer within 1 s", 1),
    ],
)
def test_what_is_no_answer(behaviour: Behaviour, message: str, tries: int) -> None:
    with payload_server(behaviour) as server, pytest.raises(SourceError, match=message):
        push_plan(server.url, b"the plan", "s3cret", timeout_s=1.0, limits=QUICK)
    assert len(server.requests) == tries


def test_a_token_does_not_travel_unencrypted_to_another_machine() -> None:
    with pytest.raises(ConfigError, match=r"http://far\.example: a token would travel unencrypted"):
        push_plan("http://far.example", b"the plan", "s3cret")
    with pytest.raises(ConfigError, match="endpoint: 'far' is not of the form"):
        push_plan("far", b"the plan", "s3cret")
