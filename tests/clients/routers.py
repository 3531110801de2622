"""Routers that clients can be tried against, each a program of its own, as users start it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.clients.suites.checking import Target

_KEY = "key-of-these-tests"
_PLACES = 4
_SPEED = 4.0
"""Answers are quick, and long ones still last long enough to fill the house."""
_POLL_S = 0.05
_LIMITS = [f"--api-key={_KEY}", f"--max-concurrent-requests={_PLACES}"]


@contextmanager
def simulated_router(folder: Path) -> Iterator[Target]:
    """`freesh serve --engine simulated`."""
    flags = [f"--router-flag={limit}" for limit in _LIMITS]
    serve = ["serve", "--engine", "simulated", "--port", "0", "--speed", str(_SPEED), "--admin-port", "0"]
    with _router([*serve, "--state-dir", str(folder), *flags], folder, {}) as target:
        yield target


@contextmanager
def router_over(master_socket: Path, model: Path, folder: Path, flags: Sequence[str] = ()) -> Iterator[Target]:
    """Our router on shards that run already."""
    where = ["--hostname", "127.0.0.1", "--port", "0", "--prometheus-port", "0"]
    shards = ["--master-shard-uds-path", str(master_socket), "--tokenizer-name", str(model)]
    env = {"FREESH_ADMIN_PORT": "0", "FREESH_STATE_DIR": str(folder)}
    with _router(["router", *where, *shards, *_LIMITS, *flags], folder, env) as target:
        yield target


@contextmanager
def _router(command: Sequence[str], folder: Path, settings: dict[str, str]) -> Iterator[Target]:
    # Into a file: a pipe that nobody reads would stop the router once it is full.
    log = folder / "router.log"
    with log.open("w") as output, _started(command, settings, output) as router:
        try:
            yield Target(_url(router, log), _KEY, _PLACES)
        finally:
            router.terminate()


def _started(command: Sequence[str], settings: dict[str, str], output: IO[str]) -> "subprocess.Popen[bytes]":
    program = [sys.executable, "-m", "freesh_plugin.main", *command]
    # The tests' own variables are no settings of the router, which refuses those that it does not know.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FREESH_")}
    return subprocess.Popen(program, env=inherited | settings, stdout=output, stderr=subprocess.STDOUT)


def _url(router: "subprocess.Popen[bytes]", log: Path) -> str:
    """Address of the users' port, once the router says that it is ready."""
    while router.poll() is None:
        if said := re.search(r"^serving (http://\S+)\nready ", log.read_text(), flags=re.MULTILINE):
            return said[1]
        time.sleep(_POLL_S)
    raise AssertionError(f"the router did not start: {log.read_text()}")
