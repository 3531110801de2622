"""The plan API over real sockets: what is accepted, every refusal, and clients that mean no good."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from freesh_plugin.adapters.admin_server import ConnectionLimits
from freesh_plugin.adapters.plan_api import BodyLimits
from freesh_plugin.adapters.plan_store import FilePlanStore
from freesh_plugin.core.plan import Acknowledgement, PlanMode
from freesh_plugin.core.plan_json import MAX_PLAN_BYTES, decode_plan
from freesh_plugin.core.plan_status import RuntimeStatus, Verdict
from models.sources.plan_publisher import push_plan
from tests.fakes.plan_server import START_S, TOKEN, RunningServer, running_plan_server
from tests.fakes.plan_store import FakePlanStore
from tests.fakes.plans import SAMPLE_EPOCH, sample_document, sample_plan, sample_text


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_plan_server(FilePlanStore(tmp_path)) as running:
        yield running


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def put(client: httpx.Client, text: bytes) -> tuple[int, Acknowledgement]:
    response = client.put("/v1/plan", content=text)
    return response.status_code, acknowledgement(response)


def acknowledgement(response: httpx.Response) -> Acknowledgement:
    assert response.headers["content-type"] == "application/json"
    return msgspec.json.decode(response.content, type=Acknowledgement)


def status(client: httpx.Client) -> RuntimeStatus:
    return msgspec.json.decode(client.get("/v1/status").raise_for_status().content, type=RuntimeStatus)


def metrics(client: httpx.Client) -> dict[str, float]:
    families = text_string_to_metric_families(client.get("/metrics").raise_for_status().text)
    return {
        "/".join([sample.name, *sample.labels.values()]): sample.value
        for family in families
        for sample in family.samples
    }


def raw(server: RunningServer, *parts: bytes) -> bytes:
    """Send bytes as they are, and read one answer, or nothing if the server closes without one."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        for part in parts:
            connection.sendall(part)
        answer = b""
        try:
            while not answer.endswith((b"}", b"received.")) and (chunk := connection.recv(65_536)):
                answer += chunk
        except ConnectionResetError:
            return b""
        return answer


HEAD = f"PUT /v1/plan HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n".encode()


# Accepting


def test_a_plan_is_accepted_shown_and_measured(server: RunningServer, client: httpx.Client) -> None:
    code, answer = put(client, sample_text())
    assert (code, answer) == (200, Acknowledgement(SAMPLE_EPOCH, 1, sample_plan().digest, True))
    server.clock.now_s = START_S + 100
    assert client.get("/v1/plan").content == sample_text()
    seen = status(client)
    assert (seen.name, seen.state, seen.age_s, seen.acting) == ("node-1", "fresh", 100.0, True)
    assert seen.pools == sample_plan().pools
    values = metrics(client)
    assert values["freesh_plan_epoch"] == SAMPLE_EPOCH
    assert values["freesh_plan_age_seconds"] == 100.0
    assert values["freesh_hold_total/no_price"] == 1


def test_the_same_plan_again_is_acknowledged_again(client: httpx.Client) -> None:
    put(client, sample_text())
    code, answer = put(client, sample_text())
    assert (code, answer.accepted, answer.reason) == (200, True, "already held")


@pytest.mark.parametrize(
    "replayed",
    [
        sample_text(revision=1),
        sample_text(epoch=SAMPLE_EPOCH - 1, revision=9),
        sample_text(revision=2, instances=7),
        sample_text(revision=2, mode=PlanMode.ADVISE),
    ],
)
def test_a_replayed_or_conflicting_plan_changes_nothing(client: httpx.Client, replayed: bytes) -> None:
    put(client, sample_text(revision=2))
    code, answer = put(client, replayed)
    assert (code, answer.accepted) == (409, False)
    assert answer.reason
    assert client.get("/v1/plan").content == sample_text(revision=2)
    assert metrics(client)["freesh_plan_refusals_total/out_of_order"] == 1


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (sample_text()[:-30], "$: "),
        (sample_text().replace(b'"min": 1', b'"min": 2'), "$.digest: "),
        (sample_text().replace(b'"min": 1', b'"min": 9'), "$.pools[0].instances: "),
        (sample_text().replace(b'"min": 1', b'"min": -1'), "$.pools[0].instances.min: "),
        (sample_text().replace(b'"1.1"', b'"2.0"'), "$.schema_version: "),
        (b"\x00\xff\x1f\x8b garbage", "$: "),
        (b"", "$: "),
        (b'{"plan": ', "$: "),
        (sample_text(epoch=SAMPLE_EPOCH + 13), "$.epoch: "),
    ],
)
def test_a_truncated_forged_or_malformed_plan_is_refused_with_its_path(
    client: httpx.Client, text: bytes, path: str
) -> None:
    put(client, sample_text(revision=2))
    code, answer = put(client, text)
    assert (code, answer.accepted) == (422, False)
    assert answer.reason.startswith(path)
    assert client.get("/v1/plan").content == sample_text(revision=2)


def test_without_a_plan_there_is_none_to_get(client: httpx.Client) -> None:
    response = client.get("/v1/plan")
    assert (response.status_code, acknowledgement(response).reason) == (404, "no plan is in force")


def test_a_full_disk_is_answered_and_the_old_plan_goes_on() -> None:
    store = FakePlanStore(sample_document())
    with running_plan_server(store) as server, server.client() as client:
        store.full = True
        code, answer = put(client, sample_text(revision=2))
        assert (code, answer.accepted) == (507, False)
        assert "No space left on device" in answer.reason
        assert client.get("/v1/plan").content == sample_text()
        store.full = False
        assert put(client, sample_text(revision=2))[0] == 200


def test_the_planners_own_client_and_this_server_understand_each_other(server: RunningServer) -> None:
    accepted = push_plan(server.url, sample_text(revision=2), TOKEN)
    assert (accepted.accepted, accepted.status_code, accepted.digest) == (True, 200, sample_plan(revision=2).digest)
    older = push_plan(server.url, sample_text(), TOKEN)
    assert (older.accepted, older.status_code, older.revision) == (False, 409, 1)
    assert push_plan(server.url, b"{}", TOKEN).status_code == 422
    assert push_plan(server.url, sample_text(), "wrong-token-00000").status_code == 401


# Time


def test_a_plan_waits_comes_into_force_goes_stale_and_expires(server: RunningServer, client: httpx.Client) -> None:
    put(client, sample_text())
    server.clock.now_s = START_S + 1_200
    put(client, sample_text(epoch=SAMPLE_EPOCH + 1))
    seen = []
    for after_s in (1_200, 1_800, 3_600, 7_199, 7_200):
        server.clock.now_s = START_S + after_s
        now = status(client)
        assert now.plan is not None
        seen.append((now.plan.epoch - SAMPLE_EPOCH, str(now.state), len(now.waiting)))
        assert decode_plan(client.get("/v1/plan").content).epoch == now.plan.epoch
    assert seen == [(0, "fresh", 1), (1, "fresh", 0), (1, "stale", 0), (1, "stale", 0), (1, "expired", 0)]


# Who may


WRONG = (None, b"", b"Bearer", b"Bearer wrong-token-00000", b"Bearer \xc3\xa9", f"Basic {TOKEN}".encode())
NEARLY = (f"Bearer {TOKEN}x".encode(), f"Bearer {TOKEN[:-1]}".encode(), TOKEN.encode())


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/v1/plan"), ("GET", "/v1/plan"), ("GET", "/v1/status"), ("GET", "/metrics")]
)
def test_all_but_health_need_the_token(server: RunningServer, method: str, path: str) -> None:
    body = sample_text() if method == "PUT" else None
    for authorization in WRONG + NEARLY:
        headers = {} if authorization is None else {b"authorization": authorization}
        response = httpx.request(method, server.url + path, headers=headers, content=body, trust_env=False)
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
        assert acknowledgement(response).accepted is False
    assert server.desk.status().refusals_total == {Verdict.BAD_TOKEN: len(WRONG + NEARLY)}
    assert server.desk.in_force() is None


def test_health_needs_no_token_and_tells_nothing(server: RunningServer) -> None:
    response = httpx.get(server.url + "/health", trust_env=False)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_a_wrong_token_is_answered_before_the_body_is_sent(server: RunningServer) -> None:
    # The body never comes: an answer means that it was not waited for.
    answer = raw(server, HEAD.replace(TOKEN.encode(), b"wrong"), b"Content-Length: 1000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401 ")


def test_a_client_that_sends_everything_before_it_reads_still_gets_its_answer(server: RunningServer) -> None:
    # Were the connection closed at once, sending would end in a reset and the answer be lost.
    head = HEAD.replace(TOKEN.encode(), b"wrong") + b"Content-Length: 16000000\r\n\r\n"
    assert raw(server, head, *[b" " * 1_000_000] * 16).startswith(b"HTTP/1.1 401 ")


def test_a_client_that_waits_for_continue_is_refused_at_once(server: RunningServer) -> None:
    head = HEAD.replace(TOKEN.encode(), b"wrong") + b"Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n"
    assert raw(server, head).startswith(b"HTTP/1.1 401 ")


def test_tokens_and_plans_stay_out_of_the_log(
    server: RunningServer, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        put(client, sample_text())
        httpx.put(server.url + "/v1/plan", headers={"authorization": "Bearer wrong-token-00000"}, trust_env=False)
    ours = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("http"))
    assert "plan_accepted" in ours
    assert "bad_token" in ours
    assert TOKEN not in ours
    assert "wrong-token" not in ours


# How much, how slowly


def test_a_plan_of_the_largest_size_is_read_and_one_more_byte_is_not(client: httpx.Client) -> None:
    text = sample_text()
    code, _ = put(client, text + b" " * (MAX_PLAN_BYTES - len(text)))
    assert code == 200
    code, answer = put(client, sample_text(revision=2) + b" " * (MAX_PLAN_BYTES + 1 - len(text)))
    assert (code, answer.reason) == (413, "the plan has 16777217 bytes, limit 16777216 bytes")


def test_a_far_too_large_plan_is_refused_from_its_declared_length(server: RunningServer) -> None:
    answer = raw(server, HEAD + b"Content-Length: 9999999999999999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_chunked_plan_is_counted_while_it_comes(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(17):
            yield b" " * 1_048_576

    response = client.put("/v1/plan", content=chunks())
    assert response.status_code == 413
    assert acknowledgement(response).reason.endswith("limit 16777216 bytes")


def test_an_honest_chunked_plan_is_accepted(client: httpx.Client) -> None:
    text = sample_text()
    response = client.put("/v1/plan", content=iter([text[:100], text[100:]]))
    assert response.status_code == 200


def test_a_plan_cut_off_on_its_way_is_not_taken(server: RunningServer, client: httpx.Client) -> None:
    text = sample_text()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(HEAD + f"Content-Length: {len(text)}\r\n\r\n".encode() + text[:-1])
    assert client.get("/v1/plan").status_code == 404
    assert put(client, text)[0] == 200


def test_a_body_that_drips_is_given_up(tmp_path: Path) -> None:
    with running_plan_server(FilePlanStore(tmp_path), BodyLimits(timeout_s=0.2)) as server:
        answer = raw(server, HEAD, b"Content-Length: 1000\r\n\r\n{")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"took more than 0.2 s to arrive" in answer
        with server.client() as client:
            assert put(client, sample_text())[0] == 200


def test_connections_that_say_nothing_or_never_end_are_cut(tmp_path: Path) -> None:
    limits = ConnectionLimits(head_s=0.2, total_s=0.5)
    with running_plan_server(FilePlanStore(tmp_path), connections=limits) as server:
        assert raw(server) == b""
        assert raw(server, b"PUT /v1/pl") == b""
        assert raw(server, HEAD, b"Content-Length: 1000\r\n\r\n{") == b""
        with server.client() as client:
            assert put(client, sample_text())[0] == 200


def test_too_many_connections_are_turned_away_and_others_served_later(tmp_path: Path) -> None:
    limits = ConnectionLimits(head_s=30, connections=3)
    with running_plan_server(FilePlanStore(tmp_path), connections=limits) as server, server.client() as client:
        idle = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(3)]
        assert client.get("/health").status_code == 503
        for connection in idle:
            connection.close()
        codes = {client.get("/health").status_code for _ in range(20)}
        assert 200 in codes


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        b"hello\r\n\r\n",
        HEAD + b"X: " + b"y" * 400_000,
    ],
)
def test_what_is_not_http_is_refused_and_does_no_harm(server: RunningServer, garbage: bytes) -> None:
    assert raw(server, garbage)[:13] in (b"", b"HTTP/1.1 400 ")  # nothing: closed while the rest was still coming
    with server.client() as client:
        assert put(client, sample_text())[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", "/", 404), ("GET", "/v1/plan/", 404), ("POST", "/v1/plan", 405), ("DELETE", "/v1/plan", 405)],
)
def test_what_is_not_offered_is_said_so(client: httpx.Client, method: str, path: str, code: int) -> None:
    response = client.request(method, path)
    assert response.status_code == code
    assert acknowledgement(response).accepted is False
    if code == 405:
        assert {"GET", "PUT"} <= set(response.headers["allow"].split(", "))


# All at once


def test_of_many_plans_at_once_the_greatest_wins_whole(server: RunningServer, tmp_path: Path) -> None:
    texts = [sample_text(revision=revision, instances=revision) for revision in range(1, 25)]

    def push(text: bytes) -> tuple[int, Acknowledgement]:
        with server.client() as client:
            return put(client, text)

    def look(_: int) -> tuple[int, int]:
        with server.client() as client:
            response = client.get("/v1/plan")
            if response.status_code == 404:
                return (0, 0)
            plan = decode_plan(response.content)
            return (plan.revision, plan.pools[0].instances.target)

    with ThreadPoolExecutor(16) as pool:
        looks = pool.map(look, range(24))
        answers = list(pool.map(push, [texts[(7 * i) % 24] for i in range(24)]))
        assert all(revision == instances for revision, instances in looks)
    assert {code for code, _ in answers} <= {200, 409}
    assert {answer.revision for code, answer in answers if code == 200} >= {24}
    assert look(0) == (24, 24)
    assert [document.order for document in FilePlanStore(tmp_path).load()] == [(SAMPLE_EPOCH, 24)]
