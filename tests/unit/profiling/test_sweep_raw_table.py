"""The raw table: read as it was written, a row at a time, and refused when it is not whole."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.errors import ProfileError
from profiling.sweep.cell import Cell, Work
from profiling.sweep.measured_row import COLUMNS, MeasuredRow, Taken
from profiling.sweep.raw_table import append_row, done_cells, read_rows, rows_so_far
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


FACTS = RunFacts("measured", "bench", "a, b", 2, "1.2", "e", "m")


def made_row(prompt_tokens: int) -> MeasuredRow:
    cell = Cell(1980, Work.PREFILL, 1, prompt_tokens, 1)
    return MeasuredRow(cell, Taken(time_s=0.5, power_w=300.0, note="a, b"), FACTS, "2026-01-01T00:00:00+00:00")


@given(st.integers(0, 2000))
def test_a_table_that_was_cut_off_anywhere_is_gone_on_with(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """What a killed machine left: the row that was cut off is lost, none before it and none after it."""
    path = tmp_path_factory.mktemp("raw") / "raw.csv"
    rows = [made_row(each) for each in (16, 32, 64)]
    for row in rows:
        append_row(path, row)
    whole = path.read_bytes()
    path.write_bytes(whole[: max(len(whole) - cut, 0)])
    left = rows_so_far(path)
    assert left == tuple(rows[: len(left)])
    assert len(left) >= path.read_bytes().count(b"\n") - 1
    for row in rows[len(left) :]:
        append_row(path, row)
    assert read_rows(path) == tuple(rows)


def test_a_last_row_without_its_end_of_line_is_a_row(tmp_path: Path) -> None:
    path = tmp_path / "raw.csv"
    append_row(path, made_row(16))
    path.write_text(path.read_text().rstrip("\n"))
    assert read_rows(path) == (made_row(16),)
    append_row(path, made_row(32))
    assert read_rows(path) == (made_row(16), made_row(32))


def test_another_file_is_not_taken_for_one_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("buy milk")
    with pytest.raises(ProfileError, match="not a raw table"):
        rows_so_far(path)


@pytest.mark.parametrize(
    ("column", "text"),
    [("time_s", "nan"), ("time_s", "-0.01"), ("power_w", "inf"), ("window_s", "-1"), ("sm_clock_mhz", "0"),
     ("batch", "-1"), ("tokens", "many")],
)  # fmt: skip
def test_what_cannot_have_been_measured_is_refused(tmp_path: Path, column: str, text: str) -> None:
    cells = made_row(16).cells() | {column: text}
    path = tmp_path / "raw.csv"
    path.write_text(",".join(COLUMNS) + "\n" + ",".join(f'"{each}"' for each in cells.values()) + "\n")
    with pytest.raises(ProfileError, match=rf"raw\.csv, row 2: .*{text}"):
        read_rows(path)


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
