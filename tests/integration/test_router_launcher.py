"""The router as TGI's launcher starts it: by bare name from PATH, with its flags and environment, in its own group.

The launcher reads standard output to its end before it reads standard error, and asks for the end by SIGTERM.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.router_process import wait_until

LAUNCHER_FLAGS = (
    *("--max-client-batch-size", "4", "--max-concurrent-requests", "128", "--max-best-of", "2"),
    *("--max-stop-sequences", "4", "--max-top-n-tokens", "5", "--max-batch-prefill-tokens", "4096"),
    *("--waiting-served-ratio", "0.3", "--max-waiting-tokens", "20", "--validation-workers", "2"),
    *("--hostname", "127.0.0.1", "--payload-limit", "2000000", "--usage-stats", "off"),
    *("--otlp-service-name", "text-generation-inference.router", "--json-output"),
)
"""What the launcher always passes, and `--json-output`."""


@pytest.fixture
def shards(tmp_path: Path) -> Iterator[Path]:
    """Simulated shards that listen; their path without a rank."""
    command = [sys.executable, "-m", "freesh_plugin.main", "simulated-shards", f"{tmp_path}/s"]
    with subprocess.Popen([*command, "--model-folder", f"{tmp_path}/model"]) as process:
        wait_until((tmp_path / "s-0").exists)
        yield tmp_path / "s"
        process.terminate()


def launched(shards: Path, *flags: str, **env: str) -> "subprocess.Popen[bytes]":
    folder = shards.parent
    own = ["--master-shard-uds-path", f"{shards}-0", "--tokenizer-name", f"{folder}/model"]
    clean = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder), "RUST_LOG": "info"}
    return subprocess.Popen(
        ["text-generation-router", *LAUNCHER_FLAGS, *own, *flags],
        env=clean | {"COMPUTE_TYPE": "1-nvidia-h100", "HF_TOKEN": "none", "FREESH_ADMIN_PORT": "0"} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )


def lines_until(router: "subprocess.Popen[bytes]", words: str) -> list[dict[str, str]]:
    """Its log, up to a line with these words; as the launcher does, from standard output alone."""
    lines: list[dict[str, str]] = []
    assert router.stdout is not None
    while not lines or words not in lines[-1]["message"]:
        line = router.stdout.readline()
        assert line, f"it ended: {lines}"
        lines.append(json.loads(line))
    return lines


def test_it_is_found_by_name_serves_and_ends_when_told(shards: Path) -> None:
    router = launched(shards, "--port", "0", "--prometheus-port", "0")
    port = lines_until(router, "ready port=")[-1]["message"].split("port=")[1].split()[0]
    answer = httpx.post(
        f"http://127.0.0.1:{port}/generate", json={"inputs": "Hello", "parameters": {"max_new_tokens": 3}}, timeout=30
    )
    assert answer.status_code == 200
    assert answer.headers["x-compute-type"] == "1-nvidia-h100"
    router.send_signal(signal.SIGTERM)
    out, err = router.communicate(timeout=30)
    assert router.returncode == 0
    assert err == b"", "everything goes to standard output"
    assert all(json.loads(line) for line in out.splitlines())


def test_flags_may_come_as_variables(shards: Path) -> None:
    router = launched(shards, PORT="0", PROMETHEUS_PORT="0", MAX_INPUT_TOKENS="100", MAX_TOTAL_TOKENS="200")
    port = lines_until(router, "ready port=")[-1]["message"].split("port=")[1].split()[0]
    info = httpx.get(f"http://127.0.0.1:{port}/info", timeout=30).json()
    assert (info["max_input_tokens"], info["max_total_tokens"]) == (100, 200)
    router.terminate()
    router.communicate(timeout=30)


def test_it_may_be_ended_while_it_waits_for_shards(tmp_path: Path) -> None:
    router = launched(tmp_path / "nobody")
    assert router.stdout is not None
    router.send_signal(signal.SIGTERM)
    router.communicate(timeout=30)
    assert router.returncode in (0, -signal.SIGTERM), "it had installed its handlers, or had not yet"


@pytest.mark.parametrize(
    ("flags", "env", "reason"),
    [
        (["--no-such-flag"], {}, "unrecognized arguments: --no-such-flag"),
        (["--max-best-of", "many"], {}, "--max-best-of: 'many' is not a whole number of at least 1"),
        (["--ngrok"], {}, "--ngrok"),
        ([], {"FREESH_POLICY": "lifo"}, "FREESH_POLICY: 'lifo' is none of llf, edf, srtf, fcfs"),
        (["--max-input-tokens", "900", "--max-total-tokens", "800", "--port", "0"], {}, "is not less than"),
    ],
)
def test_what_does_not_fit_ends_it_with_one_sentence(
    shards: Path, flags: list[str], env: dict[str, str], reason: str
) -> None:
    router = launched(shards, *flags, **env)
    out, _ = router.communicate(timeout=60)
    assert router.returncode == 2
    last = json.loads(out.splitlines()[-1])
    assert reason in last["message"]
    assert b"Traceback" not in out


def test_without_a_writable_state_folder_requests_are_served_without_plans(shards: Path) -> None:
    router = launched(shards, "--port", "0", "--prometheus-port", "0", FREESH_STATE_DIR="/dev/null/state")
    said = lines_until(router, "ready port=")
    assert said[-1]["message"].endswith("plan_api=None")
    assert any("no_plan_api" in line["message"] for line in said)
    router.terminate()
    router.communicate(timeout=30)
