"""The raw table of a sweep: a CSV that grows by a row with each finished cell, so that a sweep can go on later."""

import csv
import io
import os
from pathlib import Path

from freesh_plugin.core.errors import ProfileError
from profiling.sweep.cell import Cell
from profiling.sweep.measured_row import COLUMNS, MeasuredRow


def read_rows(path: Path) -> tuple[MeasuredRow, ...]:
    """Rows of a raw table, in the order they were measured.

    Raises:
        ProfileError: it cannot be read, has another header, or a row that cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: cannot be read: {error}") from error
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    if tuple(table.fieldnames or ()) != COLUMNS:
        raise ProfileError(f"{path}: not a raw table of a sweep: its header must be {','.join(COLUMNS)}")
    rows = []
    try:
        for cells in table:
            rows.append(MeasuredRow.of(cells))
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise ProfileError(f"{path}, row {table.line_num}: {error}") from error
    return tuple(rows)


def done_cells(path: Path) -> frozenset[Cell]:
    """Cells that need not be measured again; none where there is no file yet.

    Raises:
        ProfileError: as `read_rows`.
    """
    return frozenset(row.cell for row in read_rows(path)) if path.exists() else frozenset()


def append_row(path: Path, row: MeasuredRow) -> None:
    """Write a row at the end, and the header before the first; it is on disk when this returns.

    Raises:
        ProfileError: it cannot be written.
    """
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            if file.tell() == 0:
                table.writeheader()
            table.writerow(row.cells())
            file.write(text.getvalue())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ProfileError(f"{path}: cannot be written: {error.strerror}") from error
