"""The `freesh` command as people and init systems run it: its own process, signals, exit statuses, restarts."""

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from freesh_plugin.core.plan import PlanMode
from freesh_plugin.core.units import epoch_at
from tests.fakes.plans import sample_text

FREESH = [sys.executable, "-c", "from freesh_plugin.main import app; app(prog_name='freesh')"]


def environment(**changes: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FREESH_")}
    return kept | {"COLUMNS": "120"} | changes


def freesh(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [*FREESH, *map(str, arguments)]
    return subprocess.run(command, env=environment(**env), capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def serving(
    state: Path | None, *options: str, before: Callable[[], None] | None = None, env: Mapping[str, str] = {}
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A runtime in a process of its own, and its URL; it is killed if the test has not ended it."""
    folder = () if state is None else ("--state-dir", str(state))
    command = [*FREESH, "serve", "--admin-port", "0", *folder, *options]
    with subprocess.Popen(
        command,
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=before,
    ) as process:
        try:
            yield process, ready_url(process)
        finally:
            process.kill()


def ready_url(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.startswith("ready "):
            return line.split()[1]
    raise AssertionError(f"never ready: {seen}")


def push(url: str, state: Path, text: bytes) -> int:
    token = (state / "plan-token").read_text().strip()
    headers = {"authorization": f"Bearer {token}"}
    return httpx.put(f"{url}/v1/plan", content=text, headers=headers, trust_env=False).status_code


def now_epoch() -> int:
    return epoch_at(time.time())


def rlimit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))


# Status


def test_status_follows_the_plan(tmp_path: Path) -> None:
    epoch = now_epoch()
    with serving(tmp_path, "--name", "node-1") as (_, url):
        none = freesh("status", "--url", url, "--state-dir", tmp_path)
        assert (none.returncode, "no plan is in force" in none.stdout) == (1, True)
        assert push(url, tmp_path, sample_text(epoch - 2)) == 200
        old = freesh("status", "--url", url, "--state-dir", tmp_path)
        assert (old.returncode, "stale" in old.stdout or "expired" in old.stdout) == (1, True)
        # The epoch may turn between the two pushes and the question: a plan for both sides of it is fresh.
        assert push(url, tmp_path, sample_text(epoch)) == 200
        assert push(url, tmp_path, sample_text(epoch + 1, mode=PlanMode.ADVISE)) == 200
        fresh = freesh("status", "--url", url, "--state-dir", tmp_path)
        assert (fresh.returncode, fresh.stderr) == (0, "")
        assert "node-1" in fresh.stdout
        shown = json.loads(freesh("status", "--json", "--url", url, "--state-dir", tmp_path).stdout)
        assert (shown["name"], shown["state"]) == ("node-1", "fresh")
        assert shown["plan"]["epoch"] in (epoch, epoch + 1)


def test_status_finds_the_runtime_and_its_token_by_the_same_settings(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, url):
        port = str(httpx.URL(url).port)
        asked = freesh("status", "--json", FREESH_ADMIN_PORT=port, FREESH_STATE_DIR=str(tmp_path))
        assert (asked.returncode, json.loads(asked.stdout)["state"]) == (1, "none")
        elsewhere = freesh("status", FREESH_ADMIN_PORT=port, FREESH_PLAN_TOKEN="wrong-token-00000")
        assert (elsewhere.returncode, elsewhere.stderr) == (2, f"freesh: {url} refused the token\n")


def test_a_proxy_of_the_environment_sees_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, url):
        asked = freesh(
            "status",
            "--url",
            url,
            "--state-dir",
            tmp_path,
            HTTP_PROXY="http://127.0.0.1:9",
            ALL_PROXY="http://127.0.0.1:9",
        )
        assert asked.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--url", "gopher://x"), "freesh: 'gopher://x' is not an http:// or https:// URL\n"),
        (
            ("--url", "http://127.0.0.1:1"),
            "freesh: http://127.0.0.1:1 cannot be reached: [Errno 111] Connection refused\n",
        ),
        (("--url", "http://[::"), "freesh: 'http://[::' is not an http:// or https:// URL\n"),
    ],
)
def test_status_says_in_one_sentence_what_is_wrong(arguments: tuple[str, ...], sentence: str) -> None:
    asked = freesh("status", *arguments, FREESH_PLAN_TOKEN="0123456789abcdef")
    assert (asked.returncode, asked.stdout, asked.stderr) == (2, "", sentence)


def test_status_knows_what_is_not_freesh() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with subprocess.Popen(
            [*FREESH, "status", "--url", url],
            env=environment(FREESH_PLAN_TOKEN="0123456789abcdef"),
            stderr=subprocess.PIPE,
            text=True,
        ) as asking:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>")
            _, said = asking.communicate(timeout=60)
    assert (asking.returncode, said) == (2, f"freesh: {url} answered 200, but not as FREESH does\n")


# Serve


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_whatever_hangs_on_it(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path) as (process, url):
        token = (tmp_path / "plan-token").read_text().strip()
        with (
            socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0)) as silent,
            socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0)) as slow,
        ):
            head = f"PUT /v1/plan HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 9\r\n\r\n"
            slow.sendall(head.encode())
            assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
            process.send_signal(number)
            said, _ = process.communicate(timeout=20)
            assert silent.fileno() >= 0
        assert process.returncode == 0
        assert "Traceback" not in said
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/health", trust_env=False)


def test_killed_and_started_again_it_holds_the_plans_it_acknowledged(tmp_path: Path) -> None:
    epoch = now_epoch()
    with serving(tmp_path) as (process, url):
        assert push(url, tmp_path, sample_text(epoch)) == 200
        assert push(url, tmp_path, sample_text(epoch + 1)) == 200
        process.kill()
        process.wait(20)
    with serving(tmp_path) as (_, url):
        shown = json.loads(freesh("status", "--json", "--url", url, "--state-dir", tmp_path).stdout)
        plans = [shown["plan"]["epoch"], *(waiting["epoch"] for waiting in shown["waiting"])]
        assert plans in ([epoch, epoch + 1], [epoch + 1])
        assert push(url, tmp_path, sample_text(epoch, revision=2)) == 409
        assert push(url, tmp_path, sample_text(epoch + 1)) == 200


def test_on_a_full_disk_it_answers_507_and_keeps_the_old_plan(tmp_path: Path) -> None:
    epoch = now_epoch()
    with serving(tmp_path) as (_, url):
        assert push(url, tmp_path, sample_text(epoch)) == 200
    # A limit on the size of files stands for a full disk: every write of a plan fails half way.
    with serving(tmp_path, before=rlimit_file_size) as (_, url):
        assert push(url, tmp_path, sample_text(epoch, revision=2)) == 507
        shown = json.loads(freesh("status", "--json", "--url", url, "--state-dir", tmp_path).stdout)
        assert (shown["plan"]["revision"], shown["refusals_total"]) == (1, {"not_stored": 1})


def test_it_starts_with_a_corrupt_state_and_says_so(tmp_path: Path) -> None:
    plans = tmp_path / "plans"
    plans.mkdir()
    (plans / "1-1.json").write_bytes(b"\0" * 100)
    with serving(tmp_path) as (process, url):
        assert freesh("status", "--url", url, "--state-dir", tmp_path).returncode == 1
        assert [path.name for path in plans.iterdir()] == ["1-1.json.corrupt"]
        process.terminate()


def test_one_state_folder_serves_one_runtime(tmp_path: Path) -> None:
    with serving(tmp_path):
        second = freesh("serve", "--admin-port", "0", "--state-dir", tmp_path)
    assert (second.returncode, second.stderr) == (
        2,
        f"freesh: state folder {tmp_path} is in use by another process\n",
    )


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = freesh("serve", "--admin-port", port, "--state-dir", tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.endswith(f"freesh: cannot listen on 127.0.0.1 port {port}: Address already in use\n")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--admin-port", "x"), "FREESH_ADMIN_PORT: 'x' is not a whole number (port)"),
        (
            ("--admin-host", "0.0.0.0"),
            "admin host '0.0.0.0' is open to other machines, which --allow-remote must allow",
        ),
        (("--admin-host", "::"), "admin host '::' is open to other machines, which --allow-remote must allow"),
        (
            ("--admin-host", "0.0.0.0", "--allow-remote"),
            "--allow-remote needs a token of your own: set FREESH_PLAN_TOKEN_FILE or --token-file",
        ),
        (
            ("--token-file", "/dev/null"),
            "token file /dev/null: the token has 0 characters, limits 16 and 512 characters",
        ),
        (("--name", ""), "FREESH_NAME: has 0 characters, expected 1 to 200 printable ones"),
    ],
)
def test_bad_settings_end_in_one_sentence(tmp_path: Path, options: tuple[str, ...], sentence: str) -> None:
    ended = freesh("serve", "--state-dir", tmp_path / "state", *options)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines()[-1] == f"freesh: {sentence}"


def test_with_a_token_of_its_own_it_may_listen_wider(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("0123456789abcdef\n")
    # Any address that is not loopback would do; 0.0.0.0 is there on every machine, and only 127.0.0.1 is asked.
    options = ("--admin-host", "0.0.0.0", "--allow-remote", "--token-file", str(token))
    with serving(tmp_path / "state", *options) as (_, url):
        local = url.replace("0.0.0.0", "127.0.0.1")
        assert freesh("status", "--url", local, "--token-file", token).returncode == 1


def test_an_unknown_variable_is_an_error_that_names_the_nearest() -> None:
    ended = freesh("status", FREESH_ADMIN_PROT="1")
    assert (ended.returncode, ended.stderr) == (
        2,
        "freesh: FREESH_ADMIN_PROT: unknown setting, the nearest known one is FREESH_ADMIN_PORT\n",
    )


# The guide


def test_what_the_guide_says_works_as_written(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    guide = (Path(__file__).parents[2] / "docs" / "runtime.md").read_text(encoding="utf-8")
    (push_by_hand,) = re.findall(r"^curl .*$", guide, flags=re.MULTILINE)
    (tmp_path / "plan.json").write_bytes(sample_text(now_epoch()))
    home = {"HOME": str(tmp_path), "XDG_STATE_HOME": ""}
    with serving(None, "--name", "paris", env=home) as (_, url):
        port = str(httpx.URL(url).port)
        pushed = subprocess.run(
            ["bash", "-c", push_by_hand.replace("9480", port)],
            cwd=tmp_path,
            env=environment(**home),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert json.loads(pushed.stdout)["accepted"] is True
        shown = freesh("status", FREESH_ADMIN_PORT=port, **home).stdout
        assert "paris" in shown
        assert f"epoch {json.loads(pushed.stdout)['epoch']} revision 1 of scenario sample" in shown


# Help


def test_help_and_version_need_nothing_set() -> None:
    assert freesh("--version").stdout == "freesh 0.1.0\n"
    helped = freesh("--help").stdout
    assert "serve" in helped
    assert "status" in helped
    assert "Exit status" in freesh("status", "--help").stdout
    assert "(FREESH_ADMIN_PORT; default 9480)" in " ".join(freesh("serve", "--help").stdout.split())


def test_without_a_command_it_shows_its_help() -> None:
    ended = freesh()
    assert ended.returncode == 2
    assert "serve" in ended.stdout + ended.stderr


def test_completion_offers_the_commands() -> None:
    offered = freesh(_FREESH_COMPLETE="complete_bash", COMP_WORDS="freesh s", COMP_CWORD="1").stdout
    assert set(offered.split()) == {"serve", "status"}
