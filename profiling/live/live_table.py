"""The table of what routers count: a CSV that grows by a row with each look at a router."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from freesh_plugin.core.errors import ProfileError
from profiling.live.counted_row import COLUMNS, CountedRow


def is_live_table(path: Path) -> bool:
    """Whether the file begins with the header of such a table; False where it cannot be read."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().strip() == ",".join(COLUMNS)
    except (OSError, UnicodeDecodeError):
        return False


def read_live(path: Path) -> tuple[CountedRow, ...]:
    """Rows of a table, as they stand there.

    Raises:
        ProfileError: it cannot be read, has another header, or a row that cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: cannot be read: {error}") from error
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    if tuple(table.fieldnames or ()) != COLUMNS:
        raise ProfileError(f"{path}: not a table of `profiling live`: its header must be {','.join(COLUMNS)}")
    try:
        return tuple(CountedRow.of(cells) for cells in table)
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise ProfileError(f"{path}, row {table.line_num}: {error}") from error


def append_live(path: Path, rows: Iterable[CountedRow]) -> None:
    """Write rows at the end, and the header before the first.

    Raises:
        ProfileError: they cannot be written.
    """
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            if file.tell() == 0:
                table.writeheader()
            for row in rows:
                table.writerow(row.cells())
            file.write(text.getvalue())
    except OSError as error:
        raise ProfileError(f"{path}: cannot be written: {error.strerror}") from error
