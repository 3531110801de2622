"""Rows of results as CSV files: a column a field, an empty cell where something is not known."""

import csv
import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, Union, get_args, get_origin, get_type_hints

from freesh_plugin.core.errors import FreeshError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = TypeVar("Row", bound="DataclassInstance")


class ResultsError(FreeshError):
    """A folder of results that cannot be written, or read back: names file, line, column and value."""


def write_rows(path: Path, kind: type[Row], rows: Iterable[Row]) -> None:
    """Write rows of one kind; numbers are written so that they read back as they were.

    Raises:
        ResultsError: the file cannot be written.
    """
    columns = [each.name for each in fields(kind)]
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(columns)
            table.writerows([_cell(getattr(each, name)) for name in columns] for each in rows)
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error.strerror}") from error


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Read rows of one kind back.

    Raises:
        ResultsError: there is no such file, its columns are others, or a cell is not of its column's type.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ResultsError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    columns = _columns(kind)
    wanted, found = [each.name for each in columns], lines[0] if lines else []
    if found != wanted:
        raise ResultsError(f"{path}: its columns must be {','.join(wanted)}; found {','.join(found) or 'nothing'}")
    return [_row(kind, columns, cells, f"{path}, line {number}") for number, cells in enumerate(lines[1:], start=2)]


@dataclass(frozen=True)
class _Column:
    """A column: its name, the type of its cells, and whether a cell may be empty."""

    name: str
    of: type
    optional: bool

    def value(self, cell: str, where: str) -> object:
        if self.optional and cell == "":
            return None
        try:
            return _BOOLEANS[cell] if self.of is bool else self.of(cell)
        except (ValueError, KeyError) as error:
            raise ResultsError(f"{where}, {self.name}: '{cell}' is no {self.of.__name__}") from error


_BOOLEANS = {"True": True, "False": False}


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _columns(kind: type[Row]) -> list[_Column]:
    hints = get_type_hints(kind)
    found = []
    for name in (each.name for each in fields(kind)):
        hint = hints[name]
        optional = get_origin(hint) in (Union, types.UnionType)
        of = next(each for each in get_args(hint) if each is not type(None)) if optional else hint
        found.append(_Column(name, of, optional))
    return found


def _row(kind: type[Row], columns: Sequence[_Column], cells: Sequence[str], where: str) -> Row:
    if len(cells) != len(columns):
        raise ResultsError(f"{where}: {len(cells)} cells, must be {len(columns)}")
    return kind(*(column.value(cell, where) for column, cell in zip(columns, cells, strict=True)))
