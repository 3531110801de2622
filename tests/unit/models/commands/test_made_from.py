"""What kept runs are made from: the data sets an hour reads, by content; nothing else of their folder."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.commands.evaluate import jobs_of
from models.commands.evaluated_hours import Wanted
from models.commands.made_from import made_from
from models.evaluate.hour_traffic import AZURE, SERVEGEN
from models.evaluate.hours import demo_hour
from models.evaluate.public_grids import DACF, PRICES, ZONES
from models.evaluate.run_files import KeptRun, fingerprint
from tests.fakes.made_up_results import made_up_results

SYNTHETIC = demo_hour()
HOUR = replace(SYNTHETIC, carbon_data="dacf", traffic="azure")
TRACE = f"{AZURE}/AzureLLMInferenceTrace_code.csv"


def folder(place: Path, **changed: str) -> Path:
    for name in (DACF, ZONES, PRICES, SERVEGEN, TRACE):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changed.get(path.name.partition(".")[0], name), encoding="utf-8")
    return place


@pytest.mark.parametrize("name", [DACF, ZONES, PRICES, SERVEGEN, TRACE])
def test_another_content_of_any_set_is_another_origin(tmp_path: Path, name: str) -> None:
    one, same = folder(tmp_path / "one"), folder(tmp_path / "same")
    other = folder(tmp_path / "other", **{Path(name).name.partition(".")[0]: "changed"})
    assert made_from(HOUR, one) == made_from(HOUR, same)
    assert made_from(HOUR, one) != made_from(HOUR, other)


def test_what_no_hour_reads_does_not_count_and_a_synthetic_hour_reads_nothing(tmp_path: Path) -> None:
    one, other = folder(tmp_path / "one"), folder(tmp_path / "other", dacf_5grids_2020_2021H1="changed")
    first = made_from(HOUR, one)
    (one / "notes.txt").write_text("not read", encoding="utf-8")
    assert made_from(HOUR, one) == first
    assert made_from(SYNTHETIC, one) == made_from(SYNTHETIC, other) == made_from(SYNTHETIC, None)


def test_runs_of_one_data_folder_are_not_those_of_another(tmp_path: Path) -> None:
    one, other = folder(tmp_path / "one"), folder(tmp_path / "other", hourly_22zones_2021_2023="changed")
    wanted = Wanted("reference", "mid")
    kept, again, changed = (jobs_of(tmp_path, [HOUR], [wanted], each)[0] for each in (one, one, other))
    scores = replace(made_up_results(hours=1).runs[0], hour=HOUR.name, policy="reference")
    kept.files.keep(KeptRun(kept.files.made_from, "mid", scores, (), ()))
    assert again.left == []
    assert changed.left == [wanted]


def test_where_a_file_lies_does_not_count(tmp_path: Path) -> None:
    """Of two folders one sorts before that of the settings, the other behind it."""
    settings, *sets = (tmp_path / each for each in ("m/settings", "a/set", "z/set"))
    for path in (settings, *sets):
        path.parent.mkdir()
        path.write_text(path.name, encoding="utf-8")
    before, behind = (fingerprint([settings, each]) for each in sets)
    assert before == behind
