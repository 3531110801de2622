"""Azure's traces: read in order of arrival, cut, merged; what is wrong is named by file, line and column."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from freesh_plugin.core.errors import ConfigError, SourceError
from models.sources.workload.dressing import Dress
from models.sources.workload.estimates import Predicted
from models.sources.workload.read import read_workload
from models.sources.workload.read_settings import FromRates, ReadSettings

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"
BARE = Dress(clients=0, predicted=Predicted.EXACTLY)
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(*rows: str, name: str = "AzureLLMInferenceTrace_conv.csv", header: str = HEADER) -> Path:
        path = tmp_path / name
        path.write_text("\n".join((header, *rows)), encoding="utf-8")
        return path

    return written


THREE = ("2023-11-16 18:15:46.5000000,374,44", "2023-11-16 18:15:50.7500000,396,109", "2023-11-16 18:16:46.5,7,5000")


def test_requests_begin_at_the_first_and_long_answers_end_at_the_limit(write: Write) -> None:
    workload = read_workload("azure", write(*THREE), ReadSettings(dress=BARE))
    found = [(each.arrival_s, each.prompt_tokens, each.answer_tokens) for each in workload.requests()]
    assert found == [(0.0, 374, 44), (4.25, 396, 109), (60.0, 7, 2048)]
    assert workload.duration_s == 60.0
    assert "CC-BY-4.0" in workload.source
    assert workload.name == "Azure 2023 conv"


def test_files_of_a_folder_are_merged_by_time(write: Write) -> None:
    write("2023-11-16 18:15:47.5,100,10", "2023-11-16 18:15:51.5,101,11", name="AzureLLMInferenceTrace_code.csv")
    folder = write(*THREE).parent
    workload = read_workload("azure", folder, ReadSettings(dress=BARE))
    assert [each.arrival_s for each in workload.requests()] == [0.0, 1.0, 4.25, 5.0, 60.0]
    assert [each.prompt_tokens for each in workload.requests()] == [374, 100, 396, 101, 7]
    assert workload.name == "Azure 2023 code + conv"


def test_a_part_begins_at_zero_and_is_as_long_as_asked(write: Write) -> None:
    settings = ReadSettings(start_s=4.0, duration_s=30.0, dress=BARE)
    workload = read_workload("azure", write(*THREE), settings)
    assert [each.arrival_s for each in workload.requests()] == [0.25]
    assert workload.duration_s == 30.0


def test_dispersion_is_that_of_the_counts_of_seconds(write: Write) -> None:
    # Counts of the four whole seconds: 3, 0, 1, 0; mean 1, variance (4 + 1 + 0 + 1) / 4.
    rows = [f"2023-11-16 18:00:0{at},10,10" for at in ("0.0", "0.4", "0.9", "2.5", "4.0")]
    workload = read_workload("azure", write(*rows), ReadSettings(dress=BARE))
    assert workload.dispersion_before == pytest.approx(1.5)
    assert workload.dispersion_after == workload.dispersion_before


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("yesterday,10,10", "line 3, column TIMESTAMP: 'yesterday' is not a time"),
        ("2023-11-16 18:15:48,ten,10", "line 3, column ContextTokens: 'ten' is not a whole number"),
        ("2023-11-16 18:15:48,10,-1", "line 3, column GeneratedTokens: '-1' is not"),
        ("2023-11-16 18:15:48,10,1e9", "column GeneratedTokens: '1e9' is not"),
        ("2023-11-16 18:15:48,99999999,1", "column ContextTokens: '99999999' is not"),
        ("2023-11-16 18:15:48,,1", "column ContextTokens: the cell is empty"),
        ("2023-11-16 18:15:48,10", "line 3: 2 cells, the header has 3"),
        ("2023-11-16 18:15:40,10,10", "line 3, column TIMESTAMP: earlier than the row before"),
    ],
)
def test_a_wrong_row_is_named(write: Write, row: str, message: str) -> None:
    path = write("2023-11-16 18:15:46.5,374,44", row)
    with pytest.raises(SourceError, match=message) as error:
        read_workload("azure", path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("TIMESTAMP,ContextToken,GeneratedTokens", "unknown column 'ContextToken'; nearest known name is"),
        ("TIMESTAMP,ContextTokens", "required column 'GeneratedTokens' is missing"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens,TIMESTAMP", "column 'TIMESTAMP' stands twice"),
    ],
)  # fmt: skip
def test_a_wrong_header_is_named(write: Write, header: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read_workload("azure", write("2023-11-16 18:15:46.5,374,44", header=header))


def test_a_file_without_requests_is_refused(write: Write, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="a header and no rows"):
        read_workload("azure", write())
    with pytest.raises(SourceError, match="no such file"):
        read_workload("azure", tmp_path / "absent.csv")
    with pytest.raises(SourceError, match="no request from 100 s"):
        read_workload("azure", write(*THREE), ReadSettings(start_s=100.0))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="no file AzureLLMInferenceTrace"):
        read_workload("azure", tmp_path / "empty")


def test_unknown_kinds_and_settings_of_another_kind_are_refused(write: Write) -> None:
    path = write(*THREE)
    with pytest.raises(ConfigError, match="'asure' is unknown; nearest known name is 'azure'"):
        read_workload("asure", path)
    with pytest.raises(ConfigError, match="for kind 'servegen'"):
        read_workload("azure", path, ReadSettings(rates=FromRates(path)))


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "rows", "prompt", "answer", "dispersion"),
    [("code", 8_819, 1_469, 13, 13.0), ("conv", 19_366, 1_020, 129, 1.4)],
)
def test_the_public_traces_are_what_is_known_of_them(
    freesh_data: Path, name: str, rows: int, prompt: int, answer: int, dispersion: float
) -> None:
    path = freesh_data / "traffic" / "azure_llm_2023" / f"AzureLLMInferenceTrace_{name}.csv"
    workload = read_workload("azure", path, ReadSettings(dress=BARE))
    requests = list(workload.requests())
    assert len(requests) == rows
    assert np.median([each.prompt_tokens for each in requests]) == prompt
    assert np.median([each.answer_tokens for each in requests]) == answer
    assert workload.dispersion_before == pytest.approx(dispersion, rel=0.05)


@pytest.mark.data
def test_both_public_traces_together(freesh_data: Path) -> None:
    workload = read_workload("azure", freesh_data / "traffic" / "azure_llm_2023", ReadSettings(dress=BARE))
    arrivals = [each.arrival_s for each in workload.requests()]
    assert len(arrivals) == 28_185
    assert arrivals == sorted(arrivals)
    assert workload.duration_s == pytest.approx(3_513.2, abs=0.1)
