"""What happens when shards die or hang, clients stall or flood, and the router is told to end: see docs/router.md."""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from freesh_plugin.adapters.tgi.exact_ids import MARK, encode
from freesh_plugin.adapters.tgi.simulated.language import answer_tokens, start_state, states_after
from freesh_plugin.adapters.tgi.simulated.vocabulary import VOCABULARY
from tests.fakes.router_process import RouterProcess, router_process, wait_until

Body = Mapping[str, object]

LONG = {"inputs": "Tell me all of it", "parameters": {"max_new_tokens": 600, "details": True}}
SHORT = {"inputs": "Tell me", "parameters": {"max_new_tokens": 12, "details": True}}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RouterProcess]:
    """A router that no test of this module harms."""
    flags = ["--max-concurrent-requests", "200", "--api-key", "sesame", "--max-top-n-tokens", "100"]
    settings = {"FREESH_STALL_S": "2", "FREESH_GATEWAY_TOKEN": "gateway-token-of-this-test"}
    settings["FREESH_DEADLINE_FACTOR"] = "100"  # nobody is late unless told to hurry
    with router_process(tmp_path_factory.mktemp("router"), flags, settings, speed=5) as running:
        yield running


KEY = {"authorization": "Bearer sesame"}


def generate(url: str, body: Body, headers: dict[str, str] = KEY) -> httpx.Response:
    return httpx.post(f"{url}/generate", json=body, headers=headers, timeout=60)


def streamed(url: str, body: Body, headers: dict[str, str] = KEY) -> list[dict[str, object]]:
    events = []
    with httpx.stream("POST", f"{url}/generate_stream", json=body, headers=headers, timeout=60) as answer:
        events += [json.loads(line[5:]) for line in answer.iter_lines() if line.startswith("data:")]
    return events


def is_whole(events: list[dict[str, object]]) -> bool:
    return bool(events) and events[-1].get("generated_text") is not None


def in_batch(running: RouterProcess, count: int) -> None:
    wait_until(lambda: running.metric("tgi_batch_current_size") >= count)


def test_killed_shards_fail_what_runs_and_are_taken_up_again_when_they_are_back(tmp_path: Path) -> None:
    with router_process(tmp_path) as running, ThreadPoolExecutor(8) as pool:
        streams = [pool.submit(streamed, running.url, LONG) for _ in range(4)]
        wholes = [pool.submit(generate, running.url, LONG) for _ in range(4)]
        in_batch(running, 8)
        running.shards.kill()
        running.shards.wait()
        for whole in wholes:
            assert whole.result().status_code == 424
            assert whole.result().json()["error_type"] == "generation"
        for stream in streams:
            assert stream.result()[-1]["error_type"] == "generation"
        running.await_health(503)
        assert generate(running.url, SHORT).status_code == 424
        running.start_shards_again()
        running.await_health(200)
        assert generate(running.url, SHORT).json()["details"]["generated_tokens"] == 12


def test_shards_that_restart_while_nobody_asks_are_taken_up_again(tmp_path: Path) -> None:
    with router_process(tmp_path) as running:
        before = generate(running.url, SHORT).json()
        running.shards.kill()
        running.shards.wait()
        running.start_shards_again()
        wait_until(lambda: "shards_are_back" in running.log)
        running.await_health(200)
        assert generate(running.url, SHORT).json() == before


def test_a_killed_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "freesh_plugin.main", "serve", "--engine", "simulated", "--port", "0"]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("FREESH_")}
    with subprocess.Popen(
        [*command, "--admin-port", "0", "--state-dir", str(tmp_path)], stdout=subprocess.PIPE, text=True, env=clean
    ) as serving:
        assert serving.stdout is not None
        next(line for line in iter(serving.stdout.readline, "") if line.startswith("ready "))
        family = psutil.Process(serving.pid).children(recursive=True)
        assert len(family) >= 3
        serving.kill()
        _, alive = psutil.wait_procs(family, timeout=30)
        assert alive == []


def test_a_rank_that_hangs_fails_its_batch_in_time_and_is_taken_up_again(tmp_path: Path) -> None:
    with router_process(tmp_path, settings={"FREESH_SHARD_TIMEOUT_S": "2"}) as running, ThreadPoolExecutor(2) as pool:
        whole = pool.submit(generate, running.url, LONG)
        in_batch(running, 1)
        running.shards.send_signal(signal.SIGSTOP)
        answer = whole.result()
        assert answer.status_code == 424
        assert "timed out" in answer.json()["error"]
        assert httpx.get(f"{running.url}/health", timeout=30).status_code == 503
        running.shards.send_signal(signal.SIGCONT)
        running.await_health(200)
        assert generate(running.url, SHORT).status_code == 200


def test_sigterm_lets_every_answer_end_and_takes_no_new_one(tmp_path: Path) -> None:
    with router_process(tmp_path) as running, ThreadPoolExecutor(24) as pool:
        streams = [pool.submit(streamed, running.url, LONG) for _ in range(12)]
        wholes = [pool.submit(generate, running.url, LONG) for _ in range(12)]
        in_batch(running, 24)
        running.router.send_signal(signal.SIGTERM)
        wait_until(lambda: "draining" in running.log)
        wait_until(lambda: _is_refused(running))
        assert all(is_whole(stream.result()) for stream in streams)
        assert all(whole.result().json()["details"]["finish_reason"] for whole in wholes)
        assert running.router.wait(30) == 0
        assert "drained whole=True" in running.log


def test_a_killed_http_process_ends_the_router(tmp_path: Path) -> None:
    with router_process(tmp_path) as running:
        children = Path(f"/proc/{running.router.pid}/task/{running.router.pid}/children").read_text(encoding="ascii")
        for child in children.split():
            os.kill(int(child), signal.SIGKILL)
        assert running.router.wait(30) == 2
        assert "the HTTP process is gone" in running.log


def test_a_client_that_stops_reading_is_cut_and_others_are_served(shared: RouterProcess) -> None:
    inputs = next(text for text in map("Story {}".format, range(10_000)) if _answer_tokens(text) > 1_500)
    body = json.dumps({"inputs": inputs, "parameters": {"max_new_tokens": 4_000, "top_n_tokens": 100}}).encode()
    head = "POST /generate_stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sesame\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        stalled.connect(_address(shared))
        stalled.sendall(head.encode() + body)
        in_batch(shared, 1)
        assert generate(shared.url, SHORT).status_code == 200
        wait_until(lambda: shared.metric("tgi_batch_current_size") == 0)
        assert b'"generated_text":"' not in _rest(stalled), "it was cut before its end"


def test_a_thousand_connections_are_answered_and_only_the_surplus_is_refused(shared: RouterProcess) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    body = json.dumps(SHORT).encode()
    head = "POST /generate HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sesame\r\ncontent-type: application/json\r\n"
    request = f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body
    try:
        sockets = [socket.create_connection(_address(shared), timeout=60) for _ in range(1000)]
        for one in sockets:
            one.sendall(request)
        statuses = []
        for one in sockets:
            statuses.append(int(_rest(one).split(b" ", 2)[1]))
            one.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert set(statuses) == {200, 429}
    assert statuses.count(200) >= 200
    assert generate(shared.url, SHORT).status_code == 200


def test_a_client_that_leaves_frees_its_place(shared: RouterProcess) -> None:
    with pytest.raises(httpx.TimeoutException):
        httpx.post(f"{shared.url}/generate", json=LONG, headers=KEY, timeout=0.5)
    wait_until(lambda: shared.metric("tgi_batch_current_size") == 0, 5)


def test_a_prompt_with_the_mark_of_exact_ids_is_a_prompt(shared: RouterProcess) -> None:
    for text in (encode([1, 2, 3], "x" * 43), f"{MARK}secret", MARK):
        answer = generate(
            shared.url, {"inputs": text, "parameters": {"max_new_tokens": 3, "decoder_input_details": True}}
        )
        assert answer.status_code == 200
        prompt = "".join(token["text"] for token in answer.json()["details"]["prefill"][1:])
        assert prompt == text, "it was tokenised like any other text"


def test_a_forged_deadline_is_served_and_believed_in_nothing(shared: RouterProcess) -> None:
    forged = {**KEY, "x-freesh-deadline-ms": "1", "x-freesh-tier": "gold"}
    for headers in (forged, {**forged, "x-freesh-token": "gateway-token-of-this-tesT"}):
        assert generate(shared.url, SHORT, headers).status_code == 200
    told = _metrics(shared)
    assert 'tier="gold"' not in told
    assert "freesh_deadline_misses_total{" not in told


def test_the_gateways_deadline_counts(shared: RouterProcess) -> None:
    headers = {**KEY, "x-freesh-deadline-ms": "1", "x-freesh-tier": "gold"}
    headers["x-freesh-token"] = "gateway-token-of-this-test"
    assert generate(shared.url, SHORT, headers).status_code == 200
    assert 'freesh_deadline_misses_total{request_class="unknown",tier="gold"} 1.0' in _metrics(shared)


def test_no_prompt_and_no_answer_is_logged(shared: RouterProcess) -> None:
    answer = generate(shared.url, {"inputs": "xylophone-secret", "parameters": {"max_new_tokens": 5}})
    time.sleep(0.2)
    assert "xylophone" not in shared.log
    assert answer.json()["generated_text"].strip() not in shared.log


def _metrics(running: RouterProcess) -> str:
    return httpx.get(f"{running.url}/metrics", timeout=30).text


def _is_refused(running: RouterProcess) -> bool:
    try:
        socket.create_connection(_address(running), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def _address(running: RouterProcess) -> tuple[str, int]:
    host, port = running.url.removeprefix("http://").split(":")
    return host, int(port)


def _rest(connection: socket.socket) -> bytes:
    """All that still comes."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65_536):
            got += chunk
    return got


def _answer_tokens(text: str) -> int:
    """How long the simulated model's answer to a prompt is."""
    return answer_tokens(states_after(start_state(""), VOCABULARY.encode(text, True))[-1])
