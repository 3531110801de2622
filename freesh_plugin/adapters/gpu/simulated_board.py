"""A simulated GPU's board: a small shared file in which its shard says what runs, and others read and set its clock."""

import fcntl
import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from freesh_plugin.core.errors import FreeshError
from freesh_plugin.core.power_model import ASSUMED, IDLE, PowerModel, Shares, power_w, wanted_w

_STATE = struct.Struct("<5d")
_PID_DIGITS = 20


@dataclass(frozen=True, slots=True)
class BoardState:
    """What a board holds: energy, J, up to `at_s`; the highest clock allowed (0 = any); what a pass uses since."""

    energy_j: float
    at_s: float
    limit_mhz: float
    compute: float
    memory: float


@dataclass(frozen=True, slots=True)
class BoardLook:
    """What a board shows now; `capped`: it would draw more than its power limit."""

    energy_j: float
    power_w: float
    sm_clock_mhz: float
    idle: bool
    capped: bool


class BoardHeldError(FreeshError):
    """Another process sets this board's clock."""


class SimulatedBoard:
    """One GPU as all processes see it: its power follows clock and load at once, its energy counter integrates it.

    Whatever changes the power settles the counter first, so that it is exact however rarely it is read. A clock that
    was set holds for as long as the process that set it is there. Times are those of the machine's monotonic clock.
    """

    def __init__(self, path: Path, model: PowerModel = ASSUMED) -> None:
        """Open the board at `path`, or make it."""
        self.model = model
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._owner_path = path.with_name(f"{path.name}.owner")
        self._owner = os.open(self._owner_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._holding = False
        with self._locked():
            if os.fstat(self._file).st_size == 0:
                os.pwrite(self._file, _STATE.pack(0.0, time.monotonic(), 0.0, IDLE.compute, IDLE.memory), 0)
            self._memory = mmap.mmap(self._file, _STATE.size)

    def close(self) -> None:
        """Let go of it; a clock that was set here holds no longer."""
        self._memory.close()
        os.close(self._file)
        os.close(self._owner)

    def clock_mhz(self) -> float:
        """The SM clock: the highest one, or the limit."""
        with self._locked():
            return self._clock_mhz(self._settled())

    def run(self, used: Shares) -> None:
        """From now on a pass runs that uses so much, or nothing (`IDLE`)."""
        with self._locked():
            now = self._settled()
            self._write(BoardState(now.energy_j, now.at_s, now.limit_mhz, used.compute, used.memory))

    @property
    def holding(self) -> bool:
        """Whether its clock is ours to set."""
        return self._holding

    def own(self) -> None:
        """Become the one that sets its clock, until `disown` or the end of this process; never waits.

        Raises:
            BoardHeldError: another process is.
        """
        with self._locked():
            self._settled()  # what a dead owner left ends now, not with our lock
            self._own()

    def disown(self) -> None:
        """Let the clock go as high as it can, and others set it; nothing where it is not ours."""
        with self._locked():
            if self._holding:
                self._hold(0.0)
                os.ftruncate(self._owner, 0)
                fcntl.flock(self._owner, fcntl.LOCK_UN)
                self._holding = False

    def limit(self, sm_clock_mhz: float) -> None:
        """Own it, and hold the clock at or below this.

        Raises:
            BoardHeldError: as `own`.
        """
        self.own()
        with self._locked():
            self._hold(sm_clock_mhz)

    def look(self) -> BoardLook:
        """What it shows now."""
        with self._locked():
            now = self._settled()
        used, clock_mhz = Shares(now.compute, now.memory), self._clock_mhz(now)
        watts = power_w(self.model, clock_mhz, used)
        return BoardLook(
            now.energy_j, watts, clock_mhz, used == IDLE, wanted_w(self.model, clock_mhz, used) > self.model.cap_w
        )

    def _own(self) -> None:
        try:
            fcntl.flock(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(self._owner, _PID_DIGITS, 0).decode()
            raise BoardHeldError(f"its clock is held by {f'process {pid}' if pid else 'another process'}") from None
        os.ftruncate(self._owner, 0)
        os.pwrite(self._owner, str(os.getpid()).encode(), 0)
        self._holding = True

    def _hold(self, limit_mhz: float) -> None:
        now = self._settled()
        self._write(BoardState(now.energy_j, now.at_s, limit_mhz, now.compute, now.memory))

    def _settled(self) -> BoardState:
        """The state with energy up to now."""
        before, now_s = BoardState(*_STATE.unpack_from(self._memory)), time.monotonic()
        watts = power_w(self.model, self._clock_mhz(before), Shares(before.compute, before.memory))
        limit_mhz = before.limit_mhz if before.limit_mhz and self._owned() else 0.0
        energy_j = before.energy_j + watts * max(now_s - before.at_s, 0.0)
        settled = BoardState(energy_j, max(now_s, before.at_s), limit_mhz, before.compute, before.memory)
        self._write(settled)
        return settled

    def _owned(self) -> bool:
        """Whether the process that set the clock is there: its lock ends with it."""
        probe = os.open(self._owner_path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(probe)
        return False

    def _clock_mhz(self, state: BoardState) -> float:
        return min(state.limit_mhz or self.model.top_clock_mhz, self.model.top_clock_mhz)

    def _write(self, state: BoardState) -> None:
        _STATE.pack_into(self._memory, 0, state.energy_j, state.at_s, state.limit_mhz, state.compute, state.memory)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
