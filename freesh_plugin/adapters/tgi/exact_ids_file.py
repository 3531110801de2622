"""Where a shard tells its router the secret of exact ids: a file beside its socket, believed only while it is locked.

The file appears before the socket and only when the hook was proved to work, so its presence says that exact ids are
understood. The lock ends with the shard's process: what a killed shard has left behind is never believed.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from freesh_plugin.adapters.tgi.exact_ids import SECRET_LENGTH

_HEADER = "freesh-exact-ids 1"
_MAX_BYTES = 256


def secret_path(socket_path: Path) -> Path:
    """File of the shard that listens at `socket_path` (`<uds path>-<rank>`)."""
    return socket_path.with_name(f"{socket_path.name}.freesh-ids")


@contextmanager
def published_secret(socket_path: Path, secret: str) -> Iterator[Path]:
    """Publish a secret for as long as the block lasts, in place of what an earlier shard of ours left.

    Raises:
        OSError: the file cannot be made; `FileExistsError` when another user's file is in its place.
    """
    path = secret_path(socket_path)
    _remove_own(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, f"{_HEADER}\n{secret}\n".encode("ascii"))
        yield path
    finally:
        os.close(descriptor)
        # Unlocked, it is believed by nobody: should it stay, no harm is done.
        with suppress(OSError):
            _remove_own(path)


def read_secret(socket_path: str | Path) -> str | None:
    """The secret of the shard at `socket_path`; None when that shard does not understand exact ids.

    A file that is a link, another user's, open to others, not locked by a living shard, or of another version is as
    good as none.
    """
    path = secret_path(Path(socket_path))
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not _is_private(os.fstat(descriptor)) or not _is_held(descriptor):
            return None
        return _parsed(os.read(descriptor, _MAX_BYTES))
    finally:
        os.close(descriptor)


def _remove_own(path: Path) -> None:
    """Remove our file or link; another user's stays, and creating ours then fails."""
    try:
        if path.lstat().st_uid == os.geteuid():
            path.unlink()
    except FileNotFoundError:
        pass


def _is_private(status: os.stat_result) -> bool:
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid == os.geteuid()
        and not stat.S_IMODE(status.st_mode) & 0o077
        and status.st_nlink == 1
    )


def _is_held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _parsed(content: bytes) -> str | None:
    header, _, secret = content.decode("ascii", errors="replace").rstrip("\n").partition("\n")
    return secret if header == _HEADER and len(secret) == SECRET_LENGTH and secret.isascii() else None
