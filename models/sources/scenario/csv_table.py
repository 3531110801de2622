"""Strict CSV tables: exact header names, whole rows, every cell with its file, row and column."""

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from freesh_plugin.core.errors import ScenarioError
from models.sources.scenario.spot import Spot, nearest
from models.sources.scenario.text_file import read_text


class Row:
    """One row: its cells by column; `number` counts lines as an editor does, the header is row 1."""

    def __init__(self, file: str, number: int, cells: Mapping[str, str]) -> None:
        self.file = file
        self.number = number
        self._cells = cells

    def __getitem__(self, column: str) -> Spot:
        """The cell of a required column.

        Raises:
            ScenarioError: the cell is empty.
        """
        spot = Spot(f"{self.file}, row {self.number}, column {column}", self._cells[column])
        if spot.value == "":
            raise spot.fault("the cell is empty")
        return spot

    def get(self, column: str) -> Spot | None:
        """The cell of an optional column; None where the column is absent or the cell empty."""
        return self[column] if self._cells.get(column) else None

    def fault(self, message: str) -> ScenarioError:
        """The error that names this row."""
        return ScenarioError(f"{self.file}, row {self.number}: {message}")


def read_table(
    path: Path, required: Collection[str], optional: Collection[str] = (), *, rows_required: bool = True
) -> Iterator[Row]:
    """Rows of a table whose header has the required columns and no unknown one, in any order.

    Raises:
        ScenarioError: the file cannot be read, is empty, has no rows, or a header or row of another shape.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = next(reader, None)
        if not header:
            raise ScenarioError(f"{path.name}: the file is empty, expected the header {','.join(required)}")
        _check_header(path.name, header, required, optional)
        count = 0
        for cells in reader:
            if not cells:
                continue
            count += 1
            if len(cells) != len(header):
                raise ScenarioError(
                    f"{path.name}, row {reader.line_num}: {len(cells)} cells, the header has {len(header)}"
                )
            yield Row(path.name, reader.line_num, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise ScenarioError(f"{path.name}, row {reader.line_num}: not CSV: {error}") from error
    if rows_required and not count:
        raise ScenarioError(f"{path.name}: a header and no rows")


def _check_header(file: str, header: list[str], required: Collection[str], optional: Collection[str]) -> None:
    known = (*required, *optional)
    for column in header:
        if column not in known:
            raise ScenarioError(f"{file}, row 1: unknown column {column!r}{nearest(column, known)}")
        if header.count(column) > 1:
            raise ScenarioError(f"{file}, row 1: column {column!r} stands twice")
    for column in required:
        if column not in header:
            raise ScenarioError(f"{file}, row 1: required column {column!r} is missing")
