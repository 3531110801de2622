"""Real clients, unmodified, each in its own pinned environment: everything of theirs that a router answers."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.environments import ROOT, ClientEnvironment, NotInstallableError
from tests.clients.suites.checking import Target

SUITES = Path(__file__).parent / "suites"
_SUITE_S = 300


def run_suite(suite: str, python: Path, target: Target) -> list[str]:
    """Names of the checks that passed; the others fail the test with all that went wrong."""
    arguments = ["--url", target.url, "--key", target.key, "--places", str(target.places)]
    done = subprocess.run(
        [python, "-W", "ignore", SUITES / f"{suite}_suite.py", *arguments],
        capture_output=True,
        text=True,
        timeout=_SUITE_S,
    )
    outcomes = json.loads(done.stdout or "[]")
    failures = [f"{outcome['check']}: {outcome['error']}" for outcome in outcomes if not outcome["ok"]]
    assert done.returncode == 0, "\n".join([*failures, done.stderr])
    return [outcome["check"] for outcome in outcomes if not outcome.get("skipped")]


@pytest.mark.parametrize("client", ["text-generation", "huggingface-hub", "openai"])
def test_a_python_client_is_served(client: str, target: Target) -> None:
    try:
        python = ClientEnvironment(client, ROOT / ".venv" / "clients").python()
    except NotInstallableError as error:
        pytest.skip(f"the environment of client {client} cannot be installed: {error}")
    assert len(run_suite(client.replace("-", "_"), python, target)) >= 10


def test_curl_is_served(target: Target) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    assert len(run_suite("curl", Path(sys.executable), target)) >= 10
