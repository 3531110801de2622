"""Rows of a CSV trace of any length, one at a time, plain or gzip; a fault names file, line, column and value."""

import csv
import gzip
import math
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from freesh_plugin.core.errors import SourceError
from models.sources.scenario.spot import nearest, parse_number

MOST_TOKENS = 10_000_000
"""A longer prompt or answer is another column or a mistake."""


class TraceRow:
    """One row: cells by column; lines count as in an editor, the header is line 1."""

    __slots__ = ("_cells", "_columns", "_path", "line")

    def __init__(self, path: Path, line: int, columns: Mapping[str, int], cells: Sequence[str]) -> None:
        self._path, self.line, self._columns, self._cells = path, line, columns, cells

    def text(self, column: str, default: str | None = None) -> str:
        """The cell of a column; `default` where the column is absent or the cell empty.

        Raises:
            SourceError: it is empty and there is no default.
        """
        index = self._columns.get(column)
        cell = "" if index is None else self._cells[index]
        if cell:
            return cell
        if default is None:
            raise self.fault(column, "the cell is empty")
        return default

    def tokens(self, column: str) -> int:
        """A whole number of tokens, at least 1; a count of 0 is 1, since nothing is served without a token.

        Raises:
            SourceError: it is none.
        """
        cell = self.text(column)
        if not cell.isdecimal() or not cell.isascii() or int(cell) > MOST_TOKENS:
            raise self.fault(column, f"{cell!r} is not a whole number of tokens from 0 to {MOST_TOKENS}")
        return max(int(cell), 1)

    def seconds(self, column: str) -> float:
        """Seconds, at least 0.

        Raises:
            SourceError: they are none.
        """
        cell = self.text(column)
        number = parse_number(cell)
        if number is None or not math.isfinite(number) or number < 0:
            raise self.fault(column, f"{cell!r} is not a number of seconds, at least 0")
        return number

    def fault(self, column: str, message: str) -> SourceError:
        """The error that names the place."""
        return SourceError(f"{self._path}, line {self.line}, column {column}: {message}")


def header_of(path: Path) -> list[str]:
    """The names in the first line.

    Raises:
        SourceError: the file cannot be read or is empty.
    """
    with reading(path), _open(path) as file:
        header = next(csv.reader(file), None)
    if not header:
        raise SourceError(f"{path}: the file is empty")
    return header


def read_rows(path: Path, required: Collection[str], optional: Collection[str] = ()) -> Iterator[TraceRow]:
    """Rows of a table whose header has the required columns and no unknown one, in any order.

    Raises:
        SourceError: the file cannot be read, is empty, has no rows, or a header or row of another shape.
    """
    with reading(path), _open(path) as file:
        yield from _rows(path, file, required, optional)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever can go wrong with a file, as an error that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise SourceError(f"{path}: cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not UTF-8 text") from error


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _rows(path: Path, file: TextIO, required: Collection[str], optional: Collection[str]) -> Iterator[TraceRow]:
    reader = csv.reader(file, strict=True)
    try:
        header = next(reader, None)
        if not header:
            raise SourceError(f"{path}: the file is empty, expected the header {','.join(required)}")
        columns = _columns(path, header, required, optional)
        count = 0
        for cells in reader:
            if not cells:
                continue
            count += 1
            if len(cells) != len(header):
                raise SourceError(f"{path}, line {reader.line_num}: {len(cells)} cells, the header has {len(header)}")
            yield TraceRow(path, reader.line_num, columns, cells)
    except csv.Error as error:
        raise SourceError(f"{path}, line {reader.line_num}: not CSV: {error}") from error
    if not count:
        raise SourceError(f"{path}: a header and no rows")


def _columns(path: Path, header: list[str], required: Collection[str], optional: Collection[str]) -> dict[str, int]:
    known = (*required, *optional)
    for column in header:
        if column not in known:
            raise SourceError(f"{path}, line 1: unknown column {column!r}{nearest(column, known)}")
        if header.count(column) > 1:
            raise SourceError(f"{path}, line 1: column {column!r} stands twice")
    for column in required:
        if column not in header:
            raise SourceError(f"{path}, line 1: required column {column!r} is missing")
    return {column: index for index, column in enumerate(header)}
