"""Text of a file that people write: UTF-8 with or without BOM, of bounded size."""

from pathlib import Path

from freesh_plugin.core.errors import ScenarioError

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Largest file of a scenario that is read, bytes."""


def read_text(path: Path, limit_bytes: int = MAX_FILE_BYTES) -> str:
    """The file's text, whatever its line ends, with newlines.

    Raises:
        ScenarioError: the file is missing, unreadable, too large or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except FileNotFoundError as error:
        raise ScenarioError(f"{path.name}: no such file in {path.parent}") from error
    except OSError as error:
        raise ScenarioError(f"{path.name}: cannot be read: {error.strerror}") from error
    if len(data) > limit_bytes:
        raise ScenarioError(f"{path.name}: more than the limit of {limit_bytes} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path.name}: not UTF-8 text at byte {error.start}") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
