"""Profiles as files: read and checked."""

from pathlib import Path

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile_document import ProfileDocument, decode_profile


def read_profile(path: Path) -> ProfileDocument:
    """Read and check a profile.

    Raises:
        ProfileError: it cannot be read, is malformed, or contradicts itself.
    """
    try:
        return decode_profile(path.read_bytes())
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}") from error
    except ProfileError as error:
        raise ProfileError(f"{path}: {error}") from error
