"""The state folder, owned by one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from freesh_plugin.core.errors import ConfigError


@contextmanager
def own_state_dir(state_dir: Path) -> Iterator[Path]:
    """Create the folder if need be, and hold it until the block ends; yields its folder of plans.

    The lock goes with the process, so a killed one leaves nothing to clean up.

    Raises:
        ConfigError: it cannot be made or written, or another process holds it.
    """
    plans = state_dir / "plans"
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        plans.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(f"state folder {state_dir} cannot be used: {error.strerror}") from error
    try:
        _lock(descriptor, state_dir)
        yield plans
    finally:
        os.close(descriptor)


def _lock(descriptor: int, state_dir: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigError(f"state folder {state_dir} is in use by another process") from error
    except OSError as error:
        raise ConfigError(f"state folder {state_dir} cannot be locked: {error.strerror}") from error
