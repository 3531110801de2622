"""A real PostgreSQL server in a folder of its own, started by its programs and ended by its process id."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

_START_LIMIT_S = 30


def server_programs() -> Path | None:
    """Folder of `initdb` and `postgres`, the newest version first, or None."""
    on_path = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: float(each.parent.name), reverse=True)
    candidates = [*folders, *([Path(on_path).resolve().parent] if on_path else [])]
    return next((each for each in candidates if (each / "initdb").exists() and (each / "postgres").exists()), None)


@contextmanager
def postgres_server() -> Iterator[str]:
    """SQLAlchemy URL of a running server that listens on a Unix socket only."""
    programs = server_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed: `make setup-system` installs them")
    # Not pytest's own folder: PostgreSQL refuses to run as root, and others cannot enter that one.
    folder = Path(tempfile.mkdtemp(prefix="freesh-pg-"))
    try:
        as_user = _unprivileged(folder)
        data = folder / "data"
        subprocess.run(
            [*as_user, programs / "initdb", "-D", data, "-U", "freesh", "-A", "trust", "-N", "-E", "UTF8"],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        command = [*as_user, str(programs / "postgres"), "-D", str(data), "-k", str(folder), "-c", "listen_addresses="]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            _wait_until_ready(folder, process)
            yield f"postgresql+psycopg://freesh@/postgres?host={folder}"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=_START_LIMIT_S)
    finally:
        shutil.rmtree(folder)


def _unprivileged(folder: Path) -> list[str]:
    """Command prefix that runs a program as a user who is not root; that user gets the folder."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "nobody")
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


def _wait_until_ready(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    limit_s = time.monotonic() + _START_LIMIT_S
    while True:
        try:
            psycopg.connect(host=str(folder), user="freesh", dbname="postgres").close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > limit_s:
                raise AssertionError((folder / "log").read_text()) from None
            time.sleep(0.05)
        else:
            return
