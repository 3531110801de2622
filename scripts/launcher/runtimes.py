"""Runtimes of a local site: `freesh serve` programs on loopback, each with its own state and token.

Gateway and node agents keep the plan; a router also serves requests, on a simulated engine.
"""

import os
import secrets
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from scripts.launcher.programs import LaunchError, Program, Programs, tail

_READY = "ready "
_SERVING = "serving "
_READY_S = 40.0


@dataclass(frozen=True)
class Runtime:
    """A runtime that listens: its endpoint's name, kind and location, its address, and its token.

    `serves` is the address at which a router serves users.
    """

    name: str
    kind: str
    location: str
    url: str
    token: str = field(repr=False)
    serves: str | None = None

    @property
    def connection(self) -> str:
        """Name of the Airflow Connection that holds the token."""
        return f"freesh_{self.name.replace('-', '_')}"

    def endpoint_yaml(self) -> str:
        """The runtime's line under `endpoints:` of a scenario."""
        return (
            f"  - {{name: {self.name}, kind: {self.kind}, location: {self.location}, "
            f"url: '{self.url}', connection: {self.connection}}}"
        )

    def environment(self) -> dict[str, str]:
        """The Airflow Connection, as an environment variable."""
        return {f"AIRFLOW_CONN_{self.connection.upper()}": f'{{"conn_type": "generic", "password": "{self.token}"}}'}


def start_runtimes(wanted: Iterable[tuple[str, str, str]], folder: Path, programs: Programs) -> list[Runtime]:
    """Start a runtime for each (name, kind, location), all at once, on free ports; returns when all listen.

    Raises:
        LaunchError: one ended, or did not listen in time.
    """
    started = []
    for name, kind, location in wanted:
        token = secrets.token_urlsafe(32)
        command = _command(name, folder / name, token)
        env = _env()
        if kind == "router":
            command += ["--engine", "simulated", "--port", "0"]
            env |= {"FREESH_LOCATION": location, "FREESH_MODEL": "default"}
        program = programs.start(name, command, env, folder)
        started.append((program, kind, location, token))
    return [
        Runtime(program.name, kind, location, _told(program, _READY), token, _served(program, kind))
        for program, kind, location, token in started
    ]


def _served(program: Program, kind: str) -> str | None:
    return _told(program, _SERVING) if kind == "router" else None


def _command(name: str, state: Path, token: str) -> list[str | Path]:
    state.mkdir(parents=True, exist_ok=True)
    token_file = state / "token"
    token_file.touch(mode=0o600)
    token_file.write_text(token, encoding="utf-8")
    freesh = Path(sys.executable).with_name("freesh")
    return [
        freesh,
        "serve",
        "--name",
        name,
        "--admin-port",
        "0",
        "--state-dir",
        state / "state",
        "--token-file",
        token_file,
    ]


def _env() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("FREESH_")}


def _told(program: Program, word: str) -> str:
    """The address that a program tells behind a word."""
    end = time.monotonic() + _READY_S
    while time.monotonic() < end:
        for line in program.log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(word):
                return line.removeprefix(word).strip()
        if program.process.poll() is not None:
            break
        time.sleep(0.1)
    raise LaunchError(f"runtime {program.name} does not listen\n{tail(program.log)}")
