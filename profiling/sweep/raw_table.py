"""The raw table of a sweep: a CSV that grows by a row with each finished cell, so that a sweep can go on later."""

import csv
import io
import os
from datetime import datetime
from pathlib import Path

from freesh_plugin.core.errors import ProfileError
from profiling.sweep.cell import Cell
from profiling.sweep.measured_row import COLUMNS, MeasuredRow

_HEADER = ",".join(COLUMNS) + "\n"


def read_rows(path: Path) -> tuple[MeasuredRow, ...]:
    """Rows of a raw table, in the order they were measured; not a last one that was cut off as it was written.

    Raises:
        ProfileError: it cannot be read, has another header, or a row that cannot be read.
    """
    try:
        text = _whole_lines(_data(path)).decode()
    except UnicodeDecodeError as error:
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
    """Cells that need not be measured again: of `rows_so_far`.

    Raises:
        ProfileError: as `read_rows`.
    """
    return frozenset(row.cell for row in rows_so_far(path))


def rows_so_far(path: Path) -> tuple[MeasuredRow, ...]:
    """Rows of a table that a sweep may go on with; none where there is no file yet, or only the start of a header.

    Raises:
        ProfileError: as `read_rows`.
    """
    begun = path.exists() and not _HEADER.encode().startswith(_data(path))
    return read_rows(path) if begun else ()


def append_row(path: Path, row: MeasuredRow) -> None:
    """Write a row at the end, and the header before the first; it is on disk when this returns.

    A last row that was cut off as it was written is removed.

    Raises:
        ProfileError: it cannot be written.
    """
    line = io.StringIO(newline="")
    csv.DictWriter(line, COLUMNS, lineterminator="\n").writerow(row.cells())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            file.seek(0)
            before = _whole_lines(file.read())
            file.truncate(len(before))
            begin = _HEADER if not before else "" if before.endswith(b"\n") else "\n"
            file.write((begin + line.getvalue()).encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ProfileError(f"{path}: cannot be written: {error.strerror}") from error


def _data(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}") from error


def _whole_lines(data: bytes) -> bytes:
    """All but a last line that was cut off as it was written; one that only lacks its end of line stays."""
    start = data.rfind(b"\n") + 1
    cells = next(csv.reader([data[start:].decode(errors="replace")]), [])
    return data if len(cells) == len(COLUMNS) and _is_time(cells[-1]) else data[:start]


def _is_time(text: str) -> bool:
    """Whether this is all of a time, as `measured_at` is written."""
    try:
        return datetime.fromisoformat(text).isoformat() == text and text.endswith("+00:00")
    except ValueError:
        return False
