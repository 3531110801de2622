"""The router that clients are tried against: ours on simulated shards, or the one that FREESH_CLIENTS_URL names."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients.suites.checking import Target

_KEY = "key-of-these-tests"
_PLACES = 4
_SPEED = 4.0
"""Answers are quick, and long ones still last long enough to fill the house."""


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The router under test.

    FREESH_CLIENTS_URL names another one, such as one over TGI's own Python server; FREESH_CLIENTS_KEY is its API key
    and FREESH_CLIENTS_PLACES the number of requests that it lets in at once, if that is worth trying.
    """
    url = os.environ.get("FREESH_CLIENTS_URL")
    if url:
        places = int(os.environ.get("FREESH_CLIENTS_PLACES", "0"))
        yield Target(url.rstrip("/"), os.environ.get("FREESH_CLIENTS_KEY", ""), places)
        return
    with _simulated_router(tmp_path_factory.mktemp("router")) as url:
        yield Target(url, _KEY, _PLACES)


@contextmanager
def _simulated_router(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "freesh_plugin.main", "serve", "--engine", "simulated", "--port", "0"]
    command += ["--admin-port", "0", "--state-dir", str(folder), "--speed", str(_SPEED)]
    command += [f"--router-flag=--api-key={_KEY}", f"--router-flag=--max-concurrent-requests={_PLACES}"]
    log = folder / "router.log"
    with log.open("w") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as router:
        try:
            yield _url(router, log)
        finally:
            router.terminate()
            router.communicate()


def _url(router: "subprocess.Popen[str]", log: Path) -> str:
    """Address of the users' port, once the router says that it is ready."""
    said: list[str] = []
    url = ""
    assert router.stdout is not None
    for line in router.stdout:
        said.append(line)
        if found := re.match(r"serving (http://\S+)", line):
            url = found[1]
        if line.startswith("ready"):
            return url
    raise AssertionError(f"the router did not start: {''.join(said)}{log.read_text()}")
