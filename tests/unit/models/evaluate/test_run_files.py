"""Runs kept in a folder: found again, unless what they were made from has changed."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from freesh_plugin.core.errors import ConfigError
from models.evaluate.run_files import KeptHour, KeptRun, RunFiles, code_files, file_digest, fingerprint
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


def test_runs_that_cannot_be_read_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"cannot read .*: Not a directory"):
        RunFiles(tmp_path, "here").kept(*NAMES)


def test_a_checkout_below_a_folder_called_report_has_code_and_its_own_report_is_left_out(tmp_path: Path) -> None:
    root = tmp_path / "report" / "checkout"
    for name in ("models/evaluate/site.py", "models/evaluate/report/page.py", "models/commands/planning.py"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    assert {each.name for each in code_files(root)} == {"site.py", "planning.py"}


def test_every_module_that_a_run_imports_is_of_what_it_is_made_from() -> None:
    """Followed from where runs are made; what shows progress and writes reports takes no part in a run."""
    only_told = {"models/commands/progress.py", "models/commands/results_folder.py"}
    root = Path(__file__).parents[4]
    found = {each.relative_to(root).as_posix() for each in code_files(root)} | only_told
    reached = imported_from(root / "models" / "commands" / "evaluated_hours.py", root)
    missing = {each for each in reached - found if Path(each).name not in ("paired.py", "summary.py")}
    assert not {each for each in missing if "/report/" not in each}
    assert {"models/commands/planning.py", "models/sources/seeded_noise.py"} <= reached & found


def imported_from(path: Path, root: Path) -> set[str]:
    """Files of this project that a file imports, however far away."""
    reached, left = set[Path](), [path]
    while left:
        file = left.pop()
        if file not in reached:
            reached.add(file)
            tree = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            left += [found for node in tree for name in modules_of(node) if (found := file_of(name, root)) is not None]
    return {each.relative_to(root).as_posix() for each in reached}


def modules_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    if isinstance(node, ast.ImportFrom) and node.module is not None:
        return [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
    return []


def file_of(module: str, root: Path) -> Path | None:
    places = (root / f"{module.replace('.', '/')}.py", root / module.replace(".", "/") / "__init__.py")
    ours = module.startswith(("models.", "freesh_plugin."))
    return next((each for each in places if ours and each.is_file()), None)
