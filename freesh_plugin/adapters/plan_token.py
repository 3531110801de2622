"""The plan API's token: given as a setting or in a file, or else made once and kept in the state folder."""

import logging
import os
import secrets
import stat
from pathlib import Path

from freesh_plugin.config import PluginConfig, checked_token
from freesh_plugin.core.errors import ConfigError

log = logging.getLogger(__name__)

_MAX_FILE_BYTES = 4_096


def made_token_file(state_dir: Path) -> Path:
    """Where a token of our own making is kept."""
    return state_dir / "plan-token"


def is_own_making(config: PluginConfig) -> bool:
    """Whether no token was given, so that one is made."""
    return config.plan_token is None and config.plan_token_file is None


def known_token(config: PluginConfig) -> str:
    """The token as given, or as made by `freesh serve` before.

    Raises:
        ConfigError: there is none, or it cannot be read or used.
    """
    if config.plan_token is not None:
        return config.plan_token
    made = made_token_file(config.state_dir)
    if config.plan_token_file is None and not made.exists():
        raise ConfigError(f"no token: none is set, and {made} is not there; name its file by --token-file")
    return read_token_file(config.plan_token_file or made)


def known_or_made_token(config: PluginConfig) -> str:
    """The token as given; without one, that of the state folder, made at the first start.

    Raises:
        ConfigError: it cannot be read, used or written.
    """
    path = made_token_file(config.state_dir)
    if is_own_making(config) and not path.exists():
        _make(path)
        log.info("token_made file=%s", path)
    return known_token(config)


def _make(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise ConfigError(f"token file {path} cannot be written: {error.strerror}") from error


def read_token_file(path: Path) -> str:
    """The token in a file.

    Raises:
        ConfigError: it cannot be read, or holds no token.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE_BYTES + 1).decode("ascii", errors="replace").strip()
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except OSError as error:
        raise ConfigError(f"token file {path} cannot be read: {error.strerror}") from error
    if mode & stat.S_IROTH:
        # Not an error: Kubernetes mounts secrets so.
        log.warning("token_file_readable_by_all file=%s mode=%o", path, mode)
    try:
        return checked_token(text)
    except ValueError as error:
        raise ConfigError(f"token file {path}: {error}") from error
