"""CSV files of results: what is written reads back as it was; what is wrong is named."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluate.report.tables import ResultsError, read_rows, write_rows
from models.simulator.run_scores import RunScores


@dataclass(frozen=True)
class _Row:
    name: str
    count: int
    share: float
    kilograms: float | None
    equal: bool


HEADER = "name,count,share,kilograms,equal\n"


def test_a_table_is_a_line_of_names_and_a_line_a_row(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.csv", _Row, [_Row("x, y", 3, 0.1, None, True), _Row("z", 0, 2.0, -1e-9, False)])
    assert (tmp_path / "a.csv").read_text() == HEADER + '"x, y",3,0.1,,True\nz,0,2.0,-1e-09,False\n'


@given(
    st.lists(
        st.builds(
            _Row,
            name=st.text(st.characters(exclude_categories=("Cs", "Cc"))),
            share=st.floats(allow_nan=False),
            kilograms=st.none() | st.floats(allow_nan=False),
        ),
        max_size=5,
    )
)
def test_rows_read_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, rows: list[_Row]) -> None:
    path = tmp_path_factory.mktemp("rows") / "a.csv"
    write_rows(path, _Row, rows)
    assert read_rows(path, _Row) == rows


def test_the_scores_of_a_run_read_back_with_what_is_not_known(tmp_path: Path) -> None:
    run = RunScores(*("a" if each.type is str else 1 for each in fields(RunScores)))  # type: ignore[arg-type]
    rows = [run, replace(run, carbon_kg=None, cost_usd=None, energy_kwh=0.25)]
    write_rows(tmp_path / "runs.csv", RunScores, rows)
    assert read_rows(tmp_path / "runs.csv", RunScores) == rows


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "columns must be name,count,share,kilograms,equal; found nothing"),
        ("name,count\n", "found name,count"),
        (HEADER + "x,3,0.1,,True\ny,3\n", "line 3: 2 cells, must be 5"),
        (HEADER + "x,3.5,0.1,,True\n", "line 2, count: '3.5' is no int"),
        (HEADER + "x,3,much,,True\n", "line 2, share: 'much' is no float"),
        (HEADER + "x,3,,,True\n", "line 2, share: '' is no float"),
        (HEADER + "x,3,0.1,,yes\n", "line 2, equal: 'yes' is no bool"),
    ],
)
def test_a_table_that_is_wrong_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ResultsError, match=r"a\.csv") as refused:
        read_rows(tmp_path / "a.csv", _Row)
    assert sentence in str(refused.value)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"cannot read .*a\.csv"):
        read_rows(tmp_path / "a.csv", _Row)
    with pytest.raises(ResultsError, match=r"cannot write .*a\.csv"):
        write_rows(tmp_path / "none" / "a.csv", _Row, [])
