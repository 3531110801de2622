"""Programs that we start, each in its own process group: their logs, their end, and leftovers of a killed start."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_END_S = 20.0
"""How long a program may take to end after SIGTERM before it is killed, seconds."""

_REST_S = 5.0
"""The same for what a program left behind, and for a killed process to be gone, seconds."""

_SAME_START_S = 0.1
"""A process is ours if it started within this of what we wrote down; a reused id did not."""

_HELD = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


class LaunchError(Exception):
    """A program did not start, ended early or did not answer in time; says which, with the tail of its log."""


@dataclass(frozen=True)
class Program:
    """A program that runs: its name, its process and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


class Programs:
    """Starts programs and ends them all; `ledger` remembers their ids for a start that follows a kill."""

    def __init__(self, folder: Path, end_s: float = _END_S) -> None:
        """Keep logs and the ledger in `folder`, and end what an earlier, killed start left running.

        A program that has not ended `end_s` seconds after SIGTERM is killed.
        """
        self._end_s = end_s
        self._folder = folder
        self._ledger = folder / "programs.json"
        self._running: list[Program] = []
        folder.mkdir(parents=True, exist_ok=True)
        end_leftovers(self._ledger)

    def start(self, name: str, command: Sequence[str | Path], env: Mapping[str, str], cwd: Path) -> Program:
        """Start a program; its output goes to `<name>.log`."""
        log = self.log(name)
        # A signal between the start and the note of it would leave a process that nobody ends.
        with log.open("wb") as output, _signals_held():
            process = subprocess.Popen(
                [str(part) for part in command],
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_release_signals,
            )
            program = Program(name, process, log)
            self._running.append(program)
            self._write_ledger()
        return program

    @property
    def running(self) -> tuple[int, ...]:
        """Ids of the programs that were started and not ended."""
        return tuple(program.process.pid for program in self._running)

    def log(self, name: str) -> Path:
        """Where a program's output goes."""
        return self._folder / f"{name}.log"

    def run(self, name: str, command: Sequence[str | Path], env: Mapping[str, str], cwd: Path, limit_s: float) -> None:
        """Run a program to its end.

        Raises:
            LaunchError: it failed, or took longer than `limit_s`.
        """
        program = self.start(name, command, env, cwd)
        try:
            status = program.process.wait(limit_s)
        except subprocess.TimeoutExpired as error:
            raise LaunchError(f"{name} took longer than {limit_s:.0f} s\n{tail(program.log)}") from error
        if status != 0:
            raise LaunchError(f"{name} ended with status {status}\n{tail(program.log)}")
        self._running.remove(program)
        self._write_ledger()

    def check(self) -> None:
        """Make sure that every program still runs.

        Raises:
            LaunchError: one has ended.
        """
        for program in self._running:
            if program.process.poll() is not None:
                status = program.process.returncode
                raise LaunchError(f"{program.name} ended with status {status}\n{tail(program.log)}")

    def end(self) -> None:
        """End every program and whatever it started, last first; returns when all are gone."""
        family = [each for program in self._running for each in family_of(program.process.pid)]
        for program in reversed(self._running):
            _signal_group(program.process.pid, signal.SIGTERM)
        _await_end(family, self._running, self._end_s)
        self._running.clear()
        self._ledger.unlink(missing_ok=True)

    def _write_ledger(self) -> None:
        rows = []
        for program in self._running:
            with suppress(psutil.NoSuchProcess):
                rows.append([program.process.pid, psutil.Process(program.process.pid).create_time()])
        self._ledger.write_text(json.dumps(rows), encoding="utf-8")


def end_leftovers(ledger: Path) -> int:
    """End programs that an earlier start wrote down and never ended; returns how many. Others are never touched."""
    try:
        rows = [(int(pid), float(started)) for pid, started in json.loads(ledger.read_text(encoding="utf-8"))]
    except (FileNotFoundError, TypeError, ValueError):
        return 0
    ours = [pid for pid, started in rows if _is_same(pid, started)]
    family = [each for pid in ours for each in family_of(pid)]
    for pid in ours:
        _signal_group(pid, signal.SIGTERM)
    _await_end(family, (), _END_S)
    ledger.unlink(missing_ok=True)
    return len(ours)


def tail(log: Path, lines: int = 25) -> str:
    """Last lines of a log, with its name."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return f"--- last lines of {log} ---\n" + "\n".join(text.splitlines()[-lines:])


@contextmanager
def _signals_held() -> Iterator[None]:
    signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
    try:
        yield
    finally:
        _release_signals()


def _release_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)


def family_of(pid: int) -> list[psutil.Process]:
    """A process and everything it started, also what has left its group."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _is_same(pid: int, started: float) -> bool:
    try:
        return bool(abs(psutil.Process(pid).create_time() - started) < _SAME_START_S)
    except psutil.NoSuchProcess:
        return False


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _await_end(family: Iterable[psutil.Process], programs: Iterable[Program], limit_s: float) -> None:
    """Wait for the programs; then end what they left in groups of its own, and kill what does not end.

    Our own children are reaped, so that none stays as a zombie.
    """
    family, programs = list(family), list(programs)
    leaders = {program.process.pid for program in programs}
    _wait([each for each in family if each.pid in leaders] or family, programs, limit_s)
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for each in family:
            with suppress(psutil.NoSuchProcess):
                end(each)
        _wait(family, programs, _REST_S)


def _wait(processes: Iterable[psutil.Process], programs: Iterable[Program], limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while any(is_alive(each) for each in processes) and time.monotonic() < end:
        for program in programs:
            program.process.poll()
        time.sleep(0.05)
    for program in programs:
        program.process.poll()


def is_alive(process: psutil.Process) -> bool:
    """Whether a process runs still; one that has ended and waits to be reaped does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
