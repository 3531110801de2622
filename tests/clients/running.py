"""Runs the suite of one client, in the client's own environment."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.environments import ROOT, ClientEnvironment, NotInstallableError
from tests.clients.suites.checking import Target

CLIENTS = ("text-generation", "huggingface-hub", "openai", "curl")

_SUITES = Path(__file__).parent / "suites"
_SUITE_S = 300


def run_suite(client: str, target: Target) -> list[str]:
    """Names of the checks that passed; the others fail the test with all that went wrong."""
    suite = _SUITES / f"{client.replace('-', '_')}_suite.py"
    arguments = ["--url", target.url, "--key", target.key, "--places", str(target.places)]
    command = [str(_python(client)), "-W", "ignore", str(suite), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SUITE_S)
    outcomes = json.loads(done.stdout or "[]")
    failures = [f"{outcome['check']}: {outcome['error']}" for outcome in outcomes if not outcome["ok"]]
    assert done.returncode == 0, "\n".join([*failures, done.stderr])
    return [outcome["check"] for outcome in outcomes if not outcome.get("skipped")]


def _python(client: str) -> Path:
    """The interpreter that has the client; skips the test where there is none."""
    if client == "curl":
        if shutil.which("curl") is None:
            pytest.skip("curl is not installed")
        return Path(sys.executable)
    try:
        return ClientEnvironment(client, ROOT / ".venv" / "clients").python()
    except NotInstallableError as error:
        pytest.skip(f"the environment of client {client} cannot be installed: {error}")
