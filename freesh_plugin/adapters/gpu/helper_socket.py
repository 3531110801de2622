"""The helper's end of its sockets: who may listen, and who is there."""

import socket
import stat
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from freesh_plugin.core.errors import ConfigError

_SO_PEERGROUPS = 59  # socket(7); Python has no name for it
_GROUPS_BYTES = 1024  # Python's limit; 256 groups

_CREDENTIALS = struct.Struct("3i")


@dataclass(frozen=True)
class Peer:
    """Who is at the other end, as the kernel tells it: process, user, and all groups."""

    pid: int
    uid: int
    gids: frozenset[int]


@dataclass(frozen=True)
class Admission:
    """Users and groups that may hold clocks."""

    uids: frozenset[int]
    gids: frozenset[int]

    def admits(self, peer: Peer) -> bool:
        """Whether this one may."""
        return peer.uid in self.uids or not self.gids.isdisjoint(peer.gids)


def peer_of(connection: socket.socket) -> Peer:
    """Who opened the other end; nobody can pretend to be another.

    Raises:
        OSError: the other end is gone.
    """
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(credentials)
    return Peer(pid, uid, frozenset({gid, *_further_groups(connection)}))


class FirstSocket:
    """The helper's first socket: one inherited from its owner, or one at a path, on which owners arrive."""

    def __init__(self, end: socket.socket, path: Path | None = None) -> None:
        """With a `path`, it is bound to it."""
        self.end = end
        self._path = path
        self._inode = None if path is None else _inode(path)

    def close(self) -> None:
        """Nobody arrives any more: let another have the path, then close. Harmless when repeated."""
        path, self._path = self._path, None
        # Whoever has bound the path since, after somebody removed ours, keeps it.
        if path is not None and _inode(path) == self._inode:
            path.unlink(missing_ok=True)
        # Told before it is closed: a thread that hangs in the kernel can keep an ended process's sockets alive.
        with suppress(OSError):
            self.end.shutdown(socket.SHUT_RDWR)
        self.end.close()


def listen(path: Path) -> FirstSocket:
    """A socket at a path, in place of one that nobody listens on any more.

    Anybody may connect: who may stay is decided by what the kernel says of them, and the others are told why not.

    Raises:
        ConfigError: another helper listens there, or it is no place for a socket.
    """
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        _clear(path)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(path))
        path.chmod(0o666)
        listening.listen(16)
        listening.setblocking(False)
        return FirstSocket(listening, path)
    except OSError as error:
        raise ConfigError(f"cannot listen on {path}: {error.strerror or error}") from error


def _clear(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ConfigError(f"cannot listen on {path}: a file of that name is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ConfigError(f"cannot listen on {path}: another process does")


def _inode(path: Path) -> int | None:
    try:
        return path.lstat().st_ino
    except FileNotFoundError:
        return None


def _further_groups(connection: socket.socket) -> tuple[int, ...]:
    try:
        packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
    except OSError:
        return ()  # a kernel before 4.13, or more groups than that
    return struct.unpack(f"{len(packed) // 4}I", packed)
