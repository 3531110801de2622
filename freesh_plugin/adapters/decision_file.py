"""The decision log on disk: a line a decision, appended as it comes; a full disk ends the log, not the router."""

import logging
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger(__name__)

_BUFFER_BYTES = 1 << 20


class DecisionFile:
    """Lines are appended; each run of a scheduler begins with step 0."""

    def __init__(self, path: Path) -> None:
        """The file is opened at the first line."""
        self._path = path
        self._file: BinaryIO | None = None
        self._failed = False

    def write(self, line: bytes) -> None:
        """Append a line."""
        if self._failed:
            return
        try:
            if self._file is None:
                self._file = self._path.open("ab", buffering=_BUFFER_BYTES)
            self._file.write(line + b"\n")
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        """Write what waits."""
        try:
            if self._file is not None:
                self._file.close()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self._failed = True
        log.error("decision_log_ended file=%s reason=%s", self._path, error)
