"""Plans as files, one each, written atomically; the state of a runtime that survives kill -9 and a full disk."""

import contextlib
import logging
import os
from pathlib import Path

from freesh_plugin.core.errors import PlanError
from freesh_plugin.core.plan_document import PlanDocument

log = logging.getLogger(__name__)

_TEMPORARY = ".tmp"
_SET_ASIDE = ".corrupt"


class FilePlanStore:
    """Implements `PlanStore` in a folder of its own: `<epoch>-<revision>.json`, readable by its owner alone."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which exists and which no other process writes to."""
        self._folder = folder

    def load(self) -> tuple[PlanDocument, ...]:
        """Plans on disk, oldest first; a file that is not a plan is renamed to `….corrupt` and logged."""
        for leftover in self._folder.glob(f"*{_TEMPORARY}"):
            _unlink(leftover)
        documents = [self._read(path) for path in sorted(self._folder.glob("*.json"))]
        return tuple(sorted((document for document in documents if document), key=lambda document: document.order))

    def save(self, document: PlanDocument) -> None:
        """Write to a temporary file, flush it to disk, rename it, flush the folder.

        Raises:
            PlanError: the disk is full or the folder cannot be written; nothing of the plan is left behind.
        """
        target = self._path(document)
        temporary = target.with_suffix(_TEMPORARY)
        try:
            _write_through(temporary, document.text)
            temporary.replace(target)
        except OSError as error:
            _unlink(temporary)
            raise _not_stored(document, error) from error
        try:
            self._flush_folder()
        except OSError as error:
            # The plan will be reported as not stored, so it must not come back after a restart.
            _unlink(target)
            raise _not_stored(document, error) from error

    def remove(self, document: PlanDocument) -> None:
        """Delete a plan's file; a failure is logged."""
        _unlink(self._path(document))

    def _path(self, document: PlanDocument) -> Path:
        epoch, revision = document.order
        return self._folder / f"{epoch}-{revision}.json"

    def _read(self, path: Path) -> PlanDocument | None:
        try:
            return PlanDocument.read(path.read_bytes())
        except OSError as error:
            log.error("plan_unreadable file=%s error=%s", path, error.strerror)
        except PlanError as error:
            log.error("plan_corrupt file=%s set_aside_as=%s error=%s", path, path.name + _SET_ASIDE, error)
            with contextlib.suppress(OSError):
                path.replace(path.with_name(path.name + _SET_ASIDE))
        return None

    def _flush_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_through(path: Path, text: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("file_not_removed file=%s error=%s", path, error.strerror)


def _not_stored(document: PlanDocument, error: OSError) -> PlanError:
    epoch, revision = document.order
    return PlanError(f"epoch {epoch} revision {revision} ({len(document.text)} bytes) not stored: {error.strerror}")
