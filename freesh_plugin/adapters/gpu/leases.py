"""Leases: one file a GPU whose clock FREESH may have locked, held by the helper process that will unlock it.

Whether that process lives is told by the file's lock, which the kernel takes away from a dead one: unlike a process
number it is never given to another, and it holds across containers that share the folder.
"""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from freesh_plugin.adapters.gpu.helper_frames import is_uuid
from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.gpu import GpuError, GpuFailure

log = logging.getLogger(__name__)

_ENDED = ("Z", "X", "x")  # dead, though perhaps never waited for
_LOCK_TRIES, _LOCK_PAUSE_S = 5, 0.005


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
    """A lease that this process holds.

    Attributes:
        uuid: Of its GPU.
        fresh: Whether it was made here. Under one that was there before, a dead helper may have left a clock locked.
    """

    def __init__(self, path: Path, descriptor: int, *, fresh: bool) -> None:
        """Made by `LeaseFolder` only."""
        self.uuid = path.stem
        self.fresh = fresh
        self._path = path
        self._descriptor = descriptor

    @property
    def is_there(self) -> bool:
        """Whether the file of its name is this lease still: anybody who may write in the folder can remove it."""
        return self._descriptor >= 0 and _is_there(self._path, self._descriptor)

    @property
    def replaced(self) -> bool:
        """Whether the file of its name is another's lease."""
        return not self.is_there and self._path.exists()

    def write(self, note: LeaseNote) -> None:
        """Say for whom it is held.

        Raises:
            OSError: it cannot be written.
        """
        text = msgspec.json.encode(note)
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)

    def end(self) -> None:
        """The clock is the driver's again."""
        if self.is_there:
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
        except OSError as error:
            raise GpuError(uuid, GpuFailure.OTHER, f"its lease cannot be written: {error.strerror}") from error
        if lease is None:
            raise GpuError(uuid, GpuFailure.HELD, f"its clock is held by {_holder(path)}")
        try:
            lease.write(LeaseNote(uuid, party(os.getpid()), owner, time.time()))
        except OSError as error:
            if lease.fresh:
                lease.end()
            lease.abandon()  # one that was there before may stand for a clock that is locked
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
            raise GpuError(uuid, GpuFailure.HELD, f"its clock is held by {_holder(path)}")
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

    def held(self, uuid: str) -> bool | None:
        """Whether a living process holds a GPU's lease; None where there is none."""
        try:
            descriptor = os.open(self._path_of(uuid), os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

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
            descriptor, fresh = _opened(path, flags)
        except FileNotFoundError:
            if flags & os.O_CREAT:
                raise  # it is the folder that is missing
            return None
        if not _locked(descriptor, _LOCK_TRIES if flags & os.O_CREAT else 1):
            os.close(descriptor)
            return None
        if _is_there(path, descriptor):
            return Lease(path, descriptor, fresh=fresh)
        os.close(descriptor)


def _opened(path: Path, flags: int) -> tuple[int, bool]:
    """The file, and whether it was made now."""
    if flags & os.O_CREAT:
        with suppress(FileExistsError):
            return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL, 0o644), True
    return os.open(path, os.O_RDWR | os.O_NOFOLLOW | flags, 0o644), False


def _holder(path: Path) -> str:
    note = _note(path)
    return f"process {note.helper.pid} on behalf of process {note.owner.pid}" if note else "another process"


def _locked(descriptor: int, tries: int) -> bool:
    for again in reversed(range(tries)):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if again:
            time.sleep(_LOCK_PAUSE_S)  # whoever looks whether its holder lives locks it for a moment, too
    return False


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
