"""A folder that is filled apart from the one it is for, and becomes its content only when all of it is there."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from freesh_plugin.core.errors import ScenarioError


@contextmanager
def replaced_folder(folder: Path, stale: Sequence[str]) -> Iterator[Path]:
    """An empty folder to write into; what is written becomes the content of `folder` when the context ends well.

    Args:
        folder: Made if need be. Files of other names that are there stay.
        stale: Names of files that are removed from it unless they were written anew.

    Raises:
        ScenarioError: it cannot be written; nothing in `folder` has changed, unless the disk fails half-way.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Of the same file system, also where the folder is a mount of its own.
        near = folder if folder.is_dir() else folder.parent
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=near))
    except OSError as error:
        raise ScenarioError(f"{folder}: cannot be written: {error.strerror}") from error
    try:
        yield beside
        _take_place(beside, folder, stale)
    except OSError as error:
        raise ScenarioError(f"{folder}: cannot be written: {error.strerror}") from error
    except ScenarioError as error:
        raise ScenarioError(str(error).replace(str(beside), str(folder))) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _take_place(beside: Path, folder: Path, stale: Sequence[str]) -> None:
    folder.mkdir(exist_ok=True)
    written = {each.name for each in beside.iterdir()}
    for name in sorted(written):
        (beside / name).replace(folder / name)
    for name in set(stale) - written:
        (folder / name).unlink(missing_ok=True)
