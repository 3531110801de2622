"""An operator's own requests: what is known of each is kept, the rest is made, what is wrong is named."""

import gzip
from pathlib import Path

import pytest

from freesh_plugin.core.errors import SourceError
from models.domain.scenario import ANY_ORIGIN, DEFAULT
from models.sources.workload.dressing import Dress
from models.sources.workload.known_names import KnownNames
from models.sources.workload.read import read_workload
from models.sources.workload.read_settings import ReadSettings


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_all_columns_are_kept(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "arrival_s,prompt_tokens,answer_tokens,client,origin,session,tier,model,max_new_tokens\n"
        "0.5,1200,30,acme,paris,s1,gold,llama,64\n"
        "2,1800,90,acme,paris,s1,,,64\n"
        "2,10,5,zeta,,,,,\n",
    )
    settings = ReadSettings(dress=Dress(origins={"here": 1.0}))
    first, second, third = read_workload("csv", path, settings).requests()
    assert (first.arrival_s, first.prompt_tokens, first.answer_tokens, first.max_new_tokens) == (0.5, 1200, 30, 64)
    assert (first.origin, first.tier, first.model) == ("paris", "gold", "llama")
    assert (second.client, second.tier, second.model) == (first.client, DEFAULT, DEFAULT)
    assert second.answer_tokens == 64, "an answer ends at its limit"
    assert first.session == second.session > 0
    assert second.prefix[: len(first.prefix)] == first.prefix, "requests of a session begin alike"
    assert len(first.prefix) == 2
    assert (third.session, third.prefix, third.origin) == (0, (), ANY_ORIGIN)
    assert third.client != first.client


def test_what_a_table_does_not_say_is_made(tmp_path: Path) -> None:
    rows = "".join(f"2026-03-01T12:00:{at:02d}Z,100,10\n" for at in range(60))
    path = write(tmp_path, "time,prompt_tokens,answer_tokens\n" + rows)
    workload = read_workload("csv", path, ReadSettings(dress=Dress(origins={"east": 1.0, "west": 1.0})))
    requests = list(workload.requests())
    assert [each.arrival_s for each in requests[:3]] == [0.0, 1.0, 2.0]
    assert {each.origin for each in requests} == {"east", "west"}
    assert len({each.client for each in requests}) > 3
    assert requests == list(workload.requests())


def test_a_compressed_table_is_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv.gz"
    path.write_bytes(gzip.compress(b"arrival_s,prompt_tokens,answer_tokens\n1,2,3\n"))
    assert [each.arrival_s for each in read_workload("csv", path).requests()] == [1.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("prompt_tokens,answer_tokens\n1,1\n", "neither of the columns 'arrival_s' and 'time'"),
        ("time,arrival_s,prompt_tokens,answer_tokens\n", "both of the columns"),
        ("arrival_s,prompt_tokens,answer_tokens,cleint\n1,1,1,a\n", "column 'cleint'; nearest known name is 'client'"),
        (
            "arrival_s,prompt_tokens,answer_tokens\n-1,1,1\n",
            "line 2, column arrival_s: '-1' is not a number of seconds",
        ),
        ("arrival_s,prompt_tokens,answer_tokens\nnan,1,1\n", "'nan' is not a number of seconds"),
        ("arrival_s,prompt_tokens,answer_tokens\n2,1,1\n1,1,1\n", "line 3, column arrival_s: before the row above"),
        ("time,prompt_tokens,answer_tokens\nnoon,1,1\n", "line 2, column time: 'noon' is not a time"),
        ('arrival_s,prompt_tokens,answer_tokens\n"1,1,1\n', "not CSV"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SourceError, match=message) as error:
        read_workload("csv", path)
    assert "mine.csv" in str(error.value)


NAMES = KnownNames(("paris", "rome"), ("gold", DEFAULT), {"llama": DEFAULT, DEFAULT: DEFAULT})


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("mars,,", "line 3, column origin: 'mars' is no origin of the fleet; nearest known name is 'paris'"),
        (",xyz,", "line 3, column tier: 'xyz' is no tier of the fleet; known names are 'gold', 'default'"),
        (",,lama", "line 3, column model: 'lama' is no model of the fleet; nearest known name is 'llama'"),
    ],
)
def test_a_name_that_is_not_known_is_refused_with_its_line(tmp_path: Path, cells: str, message: str) -> None:
    path = write(
        tmp_path, f"arrival_s,prompt_tokens,answer_tokens,origin,tier,model\n0,1,1,rome,gold,llama\n1,1,1,{cells}\n"
    )
    assert len(list(read_workload("csv", path).requests())) == 2, "a reader that is told no names takes any"
    with pytest.raises(SourceError, match=message):
        read_workload("csv", path, ReadSettings(names=NAMES))


def test_the_model_is_called_as_the_fleet_calls_it_and_an_empty_cell_names_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "arrival_s,prompt_tokens,answer_tokens,origin,tier,model\n0,1,1,rome,gold,llama\n1,1,1,,,\n")
    first, second = read_workload("csv", path, ReadSettings(names=NAMES)).requests()
    assert (first.origin, first.tier, first.model) == ("rome", "gold", DEFAULT)
    assert (second.origin, second.tier, second.model) == (ANY_ORIGIN, DEFAULT, DEFAULT)


def test_a_compressed_table_that_is_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv.gz"
    whole = gzip.compress(b"arrival_s,prompt_tokens,answer_tokens\n" + b"1,2,3\n" * 999)
    for data in (whole[:-20], whole[:20] + b"\xff" * 20 + whole[40:], b"no gzip"):
        path.write_bytes(data)
        with pytest.raises(SourceError, match=r"mine.csv.gz: (cannot be read|not UTF-8)"):
            read_workload("csv", path)


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes(b"arrival_s,prompt_tokens,answer_tokens\n1,1,1\n\xff\xfe\n")
    with pytest.raises(SourceError, match="not UTF-8 text"):
        read_workload("csv", tmp_path / "mine.csv")
