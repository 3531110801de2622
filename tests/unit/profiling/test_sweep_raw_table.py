"""The raw table: read as it was written, a row at a time, and refused when it is not whole."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.errors import ProfileError
from profiling.sweep.cell import Cell, Work
from profiling.sweep.measured_row import COLUMNS, MeasuredRow, Taken
from profiling.sweep.raw_table import append_row, done_cells, read_rows
from profiling.sweep.run_facts import RunFacts

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)
some = st.none() | st.integers(1, 10**5).map(float)


@given(words, words, some, some, st.sampled_from(Work), st.none() | st.integers(1, 3000))
def test_a_row_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    machine: str,
    note: str,
    time_s: float | None,
    power_w: float | None,
    work: Work,
    clock: int | None,
) -> None:
    path = tmp_path_factory.mktemp("raw") / "raw.csv"
    facts = RunFacts("measured", machine, "a, b", 2, "1.2", "e", "m")
    row = MeasuredRow(Cell(clock, work, 3, 4, 5), Taken(time_s=time_s, power_w=power_w, note=note), facts, "now")
    append_row(path, row)
    append_row(path, replace(row, cell=Cell(None, Work.IDLE)))
    assert read_rows(path) == (row, replace(row, cell=Cell(None, Work.IDLE)))
    assert done_cells(path) == {row.cell, Cell(None, Work.IDLE)}


def test_without_a_file_nothing_is_done(tmp_path: Path) -> None:
    assert done_cells(tmp_path / "none.csv") == frozenset()


@pytest.mark.parametrize(
    "text",
    ["", "a,b\n1,2\n", ",".join(COLUMNS) + "\n1980,decode,1\n", ",".join(COLUMNS) + "\n" + "x," * 24 + "\n"],
)
def test_another_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "raw.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match=r"raw\.csv"):
        read_rows(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be read"):
        read_rows(tmp_path)
