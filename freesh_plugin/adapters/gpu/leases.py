"""Leases: one file a GPU whose clock FREESH may have locked, held by the helper process that will unlock it.

Whether that process lives is told by the file's lock, which the kernel takes away from a dead one: unlike a process
number it is never given to another, and it holds across containers that share the folder.
"""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from freesh_plugin.adapters.gpu.helper_frames import is_uuid
from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.gpu import GpuError, GpuFailure

log = logging.getLogger(__name__)

_ENDED = ("Z", "X", "x")  # dead, though perhaps never waited for


class LeaseParty(msgspec.Struct, frozen=True):
    """A process: number, and start in clock ticks since the machine's (proc(5)); -1 of one that is not there."""

    pid: int
    started_ticks: int


class LeaseNote(msgspec.Struct, frozen=True):
    """What a lease says, for people: the helper that holds it, for which owner, since when (UTC seconds)."""

    uuid: str
    helper: LeaseParty
    owner: LeaseParty
    since_utc_s: float


class Lease:
    """A lease that this process holds."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Made by `LeaseFolder` only."""
        self.uuid = path.stem
        self._path = path
        self._descriptor = descriptor

    def end(self) -> None:
        """The clock is the driver's again."""
        self._path.unlink(missing_ok=True)
        self.abandon()

    def abandon(self) -> None:
        """The clock may be locked still: leave the lease to the next helper. Harmless when repeated."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class LeaseFolder:
    """The folder of leases; it need not survive a boot, since locks do not."""

    def __init__(self, path: Path) -> None:
        """Look at what is there; `make` it before taking leases."""
        self.path = path

    def make(self) -> None:
        """Make the folder if need be.

        Raises:
            ConfigError: it cannot be made, or others than this user and root can write it.
        """
        try:
            self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
            found = self.path.stat()
        except OSError as error:
            raise ConfigError(f"run folder {self.path} cannot be used: {error.strerror}") from error
        if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
            raise ConfigError(f"run folder {self.path} can be written by other users, who could forge leases in it")

    def take(self, uuid: str, owner: LeaseParty) -> Lease:
        """Hold a GPU's lease, on behalf of an owner.

        Raises:
            GpuError: another helper holds it, or it cannot be written.
        """
        path = self._path_of(uuid)
        try:
            lease = _held(path, os.O_CREAT)
            if lease is None:
                raise GpuError(uuid, GpuFailure.OTHER, f"its clock is held by {_holder(path)}")
            path.write_bytes(msgspec.json.encode(LeaseNote(uuid, party(os.getpid()), owner, time.time())))
        except OSError as error:
            raise GpuError(uuid, GpuFailure.OTHER, f"its lease cannot be written: {error.strerror}") from error
        return lease

    def take_left(self, uuid: str) -> Lease | None:
        """Take a GPU's lease if a dead helper left one; None where there is none.

        Raises:
            GpuError: a living helper holds it, or it cannot be opened.
        """
        path = self._path_of(uuid)
        try:
            lease = _held(path)
        except OSError as error:
            raise GpuError(uuid, GpuFailure.OTHER, f"its lease cannot be opened: {error.strerror}") from error
        if lease is None and path.exists():
            raise GpuError(uuid, GpuFailure.OTHER, f"its clock is held by {_holder(path)}")
        return lease

    def take_all_left(self) -> Iterator[Lease]:
        """Take the leases that dead helpers left, one after another."""
        for uuid in self.uuids():
            try:
                lease = _held(self._path_of(uuid))
            except OSError as error:
                log.error("lease_unreadable uuid=%s reason=%s", uuid, error.strerror)
                continue
            if lease is not None:
                yield lease

    def uuids(self) -> list[str]:
        """GPUs that have a lease, living or left."""
        return sorted(path.stem for path in self.path.glob("GPU-*.json") if is_uuid(path.stem))

    def note(self, uuid: str) -> LeaseNote | None:
        """What a GPU's lease says; None where there is none that can be read."""
        return _note(self._path_of(uuid))

    def _path_of(self, uuid: str) -> Path:
        return self.path / f"{uuid}.json"


def party(pid: int) -> LeaseParty:
    """A process by its number."""
    try:
        # The name, in parentheses, may hold anything; state and start are the 1st and 20th field after it (proc(5)).
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return LeaseParty(pid, -1 if fields[0] in _ENDED else int(fields[19]))
    except (OSError, ValueError, IndexError):
        return LeaseParty(pid, -1)


def _held(path: Path, flags: int = 0) -> Lease | None:
    """The lease, locked; None if there is none, or somebody else has it locked."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | flags, 0o644)
        except FileNotFoundError:
            if flags & os.O_CREAT:
                raise  # it is the folder that is missing
            return None
        if not _locked(descriptor):
            os.close(descriptor)
            return None
        if _is_there(path, descriptor):
            return Lease(path, descriptor)
        os.close(descriptor)


def _holder(path: Path) -> str:
    note = _note(path)
    return f"process {note.helper.pid} on behalf of process {note.owner.pid}" if note else "another process"


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_there(path: Path, descriptor: int) -> bool:
    """Whether the file that was locked is the one of that name: its holder may have ended it in between."""
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def _note(path: Path) -> LeaseNote | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=LeaseNote)
    except (OSError, msgspec.DecodeError):
        return None
