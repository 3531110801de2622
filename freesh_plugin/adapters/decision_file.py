"""The decision log on disk: a line a decision, written as it comes; a full disk ends the log, not the router."""

import logging
from pathlib import Path

from freesh_plugin.core.errors import ConfigError

log = logging.getLogger(__name__)

_BUFFER_BYTES = 1 << 20


class DecisionFile:
    """A new file for each scheduler: `path`, then `path.2`, `path.3` and so on when shards were lost and came back."""

    def __init__(self, path: Path, number: int) -> None:
        """Begin the file of the scheduler of this number, from 1.

        Raises:
            ConfigError: it cannot be written.
        """
        self._path = path if number == 1 else path.with_name(f"{path.name}.{number}")
        try:
            self._file = self._path.open("wb", buffering=_BUFFER_BYTES)
        except OSError as error:
            raise ConfigError(f"decision log {self._path} cannot be written: {error.strerror}") from error
        self._failed = False

    def write(self, line: bytes) -> None:
        """Append a line."""
        if self._failed:
            return
        try:
            self._file.write(line + b"\n")
        except OSError as error:
            self._failed = True
            log.error("decision_log_ended file=%s reason=%s", self._path, error)

    def close(self) -> None:
        """Write what waits."""
        try:
            self._file.close()
        except OSError as error:
            log.error("decision_log_ended file=%s reason=%s", self._path, error)
