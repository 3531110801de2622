"""A zip archive of a stranger: one file, unpacked up to a limit."""

import io
import zipfile
import zlib

from freesh_plugin.core.errors import SourceError

MOST_BYTES = 64 * 1024 * 1024
"""Most bytes that a file unpacks to."""

_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def only_file(body: bytes, limit: int = MOST_BYTES) -> tuple[str, bytes]:
    """Name and content of the one file in an archive; what it says of its own size is not believed.

    Raises:
        SourceError: no archive, none or several files, encrypted, another compression, damaged, or too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            files = [each for each in archive.infolist() if each.filename and not each.is_dir()]
            if len(files) != 1:
                raise SourceError(f"zip archive with {len(files)} files, expected 1")
            (file,) = files
            if file.flag_bits & 1 or file.compress_type not in _READABLE:
                raise SourceError(f"zip archive: {file.filename[:100]!r} is encrypted or compressed in another way")
            with archive.open(file) as opened:
                content = opened.read(limit + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, IndexError, NotImplementedError, ValueError) as error:
        raise SourceError(f"no readable zip archive: {error}") from error
    if len(content) > limit:
        raise SourceError(f"zip archive: {file.filename[:100]!r} unpacks to more than the limit of {limit} bytes")
    return file.filename, content
