"""Runs kept in a folder: found again, unless what they were made from has changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from freesh_plugin.core.errors import ConfigError
from models.evaluate.run_files import KeptHour, KeptRun, RunFiles, file_digest, fingerprint
from tests.fakes.made_up_results import made_up_results

MADE_UP = made_up_results(hours=1)
RUN = KeptRun("here", "mid", MADE_UP.runs[0], MADE_UP.classes[:4], MADE_UP.series[:6])
NAMES = (RUN.scores.hour, RUN.scores.policy, "mid")


def test_a_run_that_was_kept_is_found(tmp_path: Path) -> None:
    files = RunFiles(tmp_path, "here")
    assert files.kept(*NAMES) is None
    files.keep(RUN)
    assert files.kept(*NAMES) == RUN
    assert files.kept(NAMES[0], NAMES[1], "low") is None


def test_a_run_made_from_something_else_is_not(tmp_path: Path) -> None:
    RunFiles(tmp_path, "here").keep(RUN)
    assert RunFiles(tmp_path, "there").kept(*NAMES) is None


def test_a_file_that_was_cut_short_is_a_run_that_is_not_done(tmp_path: Path) -> None:
    files = RunFiles(tmp_path, "here")
    files.keep(RUN)
    path = files.path(*NAMES)
    path.write_bytes(path.read_bytes()[:100])
    assert files.kept(*NAMES) is None


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    files = RunFiles(tmp_path, "here")
    files.keep(RUN)
    assert [each.suffix for each in (tmp_path / "runs").iterdir()] == [".json"]


def test_an_hour_is_kept_beside_its_runs(tmp_path: Path) -> None:
    files = RunFiles(tmp_path, "here")
    hour = KeptHour("here", MADE_UP.summary.hours[0], MADE_UP.tradeoff, MADE_UP.bounds[0])
    files.keep_hour(hour)
    assert files.kept_hour(hour.row.hour) == hour
    assert files.kept_hour("another") is None
    assert RunFiles(tmp_path, "there").kept_hour(hour.row.hour) is None


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot write"):
        RunFiles(tmp_path, "here").keep(RUN)


def test_a_fingerprint_hangs_on_files_and_words(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1", encoding="utf-8")
    first = fingerprint([path], "x")
    assert fingerprint([path], "x") == first
    assert fingerprint([path], "y") != first
    path.write_text("2", encoding="utf-8")
    assert fingerprint([path], "x") != first


def test_the_digest_of_a_file_is_sha_256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_digest(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_rows_are_kept_as_they_are(tmp_path: Path) -> None:
    unknown = replace(RUN, scores=replace(RUN.scores, carbon_kg=None, cost_usd=None))
    files = RunFiles(tmp_path, "here")
    files.keep(unknown)
    assert files.kept(*NAMES) == unknown
