"""Writes profiles, a point a line, so that a changed one is a readable difference."""

from pathlib import Path
from typing import Any

import msgspec

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile_document import ProfileDocument


def write_profile(document: ProfileDocument, path: Path) -> None:
    """Write a profile, a point a line.

    Raises:
        ProfileError: it contradicts itself, or cannot be written.
    """
    document.table()
    whole: dict[str, Any] = msgspec.to_builtins(_pointless(document))
    text = msgspec.json.format(msgspec.json.encode(whole), indent=1).decode()
    rows = ",\n  ".join(msgspec.json.encode(each).decode() for each in document.points)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace('"points": []', f'"points": [\n  {rows}\n ]') + "\n", encoding="utf-8")
    except OSError as error:
        raise ProfileError(f"{path}: cannot be written: {error.strerror}") from error


def _pointless(document: ProfileDocument) -> ProfileDocument:
    """The document without its points."""
    return msgspec.structs.replace(document, points=[])
