"""The helper's end of its sockets: who may listen, and who is there."""

import socket
import stat
import struct
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


def listen(path: Path) -> socket.socket:
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
    except OSError as error:
        raise ConfigError(f"cannot listen on {path}: {error.strerror or error}") from error
    listening.setblocking(False)
    return listening


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


def _further_groups(connection: socket.socket) -> tuple[int, ...]:
    try:
        packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
    except OSError:
        return ()  # a kernel before 4.13, or more groups than that
    return struct.unpack(f"{len(packed) // 4}I", packed)
