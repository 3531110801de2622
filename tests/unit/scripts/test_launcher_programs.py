"""Programs that we start: ended with all they started, found again after a kill, others never touched."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from scripts.launcher.ports import free_port
from scripts.launcher.programs import LaunchError, Programs, end_leftovers, is_alive

PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(99)"], start_new_session=True)
print("up", flush=True)
time.sleep(99)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(99)"


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    programs = Programs(tmp_path / "programs", end_s=2.0)
    yield programs
    programs.end()


def until(done: Callable[[], bool], limit_s: float = 20.0) -> None:
    end = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def start(programs: Programs, code: str, name: str = "p") -> list[psutil.Process]:
    """Start a program that says `up`; returns it and its children."""
    program = programs.start(name, [sys.executable, "-c", code], os.environ, Path.cwd())
    until(lambda: program.log.read_text(encoding="utf-8").startswith("up"))
    process = psutil.Process(program.process.pid)
    return [process, *process.children(recursive=True)]


def test_a_program_ends_with_all_that_it_started_even_in_another_group(programs: Programs) -> None:
    family = start(programs, PARENT)
    assert len(family) == 2
    programs.end()
    assert [each for each in family if is_alive(each)] == []
    assert programs.running == ()


def test_a_program_that_does_not_listen_is_killed(programs: Programs) -> None:
    (stubborn,) = start(programs, STUBBORN)
    programs.end()
    assert not is_alive(stubborn)


def test_a_program_that_ends_early_is_said_with_the_tail_of_its_log(programs: Programs) -> None:
    code = "print('no such table'); raise SystemExit(3)"
    programs.start("broken", [sys.executable, "-c", code], os.environ, Path.cwd()).process.wait()
    with pytest.raises(LaunchError, match=r"(?s)broken ended with status 3.*no such table"):
        programs.check()


def test_a_step_that_takes_too_long_or_fails_is_said(programs: Programs) -> None:
    with pytest.raises(LaunchError, match="slow took longer than 0 s"):
        programs.run("slow", [sys.executable, "-c", "import time; time.sleep(99)"], os.environ, Path.cwd(), 0.2)
    with pytest.raises(LaunchError, match="failing ended with status 1"):
        programs.run("failing", [sys.executable, "-c", "raise SystemExit(1)"], os.environ, Path.cwd(), 30)
    programs.run("fine", [sys.executable, "-c", ""], os.environ, Path.cwd(), 30)


def test_what_a_killed_start_left_is_ended_by_the_next_one(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from scripts.launcher.programs import Programs\n"
        "p = Programs(pathlib.Path(sys.argv[1]))\n"
        "print(p.start('sleeper', ['sleep', '99'], os.environ, pathlib.Path('.')).process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    orphan = psutil.Process(int(done.stdout))
    assert is_alive(orphan)
    Programs(tmp_path)
    until(lambda: not is_alive(orphan))
    assert not (tmp_path / "programs.json").exists()


def test_a_process_that_only_has_the_id_of_ours_is_left_alone(tmp_path: Path) -> None:
    ledger = tmp_path / "programs.json"
    with subprocess.Popen(["sleep", "99"], start_new_session=True) as other:
        ledger.write_text(json.dumps([[other.pid, psutil.Process(other.pid).create_time() - 60]]), encoding="utf-8")
        assert end_leftovers(ledger) == 0
        assert is_alive(psutil.Process(other.pid))
        other.kill()


@pytest.mark.parametrize("text", ["", "{", "null", "[[1]]", '[["a", "b"]]'])
def test_a_broken_ledger_ends_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "programs.json").write_text(text, encoding="utf-8")
    assert end_leftovers(tmp_path / "programs.json") == 0


def test_a_port_in_use_is_replaced_by_a_free_one() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) not in (0, port)
