"""Profiles as files: read as written, refused when malformed; those that the project brings."""

from pathlib import Path

import pytest

from freesh_plugin.adapters.profile_file import read_profile
from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile import Basis
from freesh_plugin.core.request_energy import fitting_batch, least_energy
from profiling.fit.fit_rows import fit_rows
from profiling.modelled.modelled_profile import SHIPPED, Instance
from profiling.modelled.story import REFERENCE
from profiling.profile.document import write_profile
from tests.fakes.sweep_rows import make_rows

DATA = Path(__file__).parents[3] / "freesh_plugin" / "data"


def test_read_as_written(tmp_path: Path) -> None:
    document = fit_rows(make_rows(), "TP1xH100", "H100")
    write_profile(document, tmp_path / "deep" / "p.json")
    assert read_profile(tmp_path / "deep" / "p.json") == document


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"schema_version": 1', '"schema_version": 9', "schema version 9"),
        ('"gpus": 1', '"gpus": "one"', "not a profile"),
        ('"gpus": 1', '"gpus": 1, "other": 2', "not a profile"),
        ('"max_batch": 32', '"max_batch": 64', "measured up to batch 32"),
        ('["prefill"', '["postfill"', "not a profile"),
    ],
)
def test_a_malformed_one_is_refused(tmp_path: Path, old: str, new: str, what: str) -> None:
    path = tmp_path / "p.json"
    write_profile(fit_rows(make_rows(), "TP1xH100", "H100"), path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProfileError, match=what):
        read_profile(path)


def test_the_project_brings_the_profiles_that_it_says() -> None:
    assert {each.name for each in DATA.glob("*.json")} == {each.file_name for each in SHIPPED}


@pytest.mark.parametrize("instance", SHIPPED, ids=lambda each: each.file_name)
def test_what_the_project_brings_is_labelled_and_has_its_sources(instance: Instance) -> None:
    document = read_profile(DATA / instance.file_name)
    own = document.provenance
    assert (document.basis, document.extrapolated) == (Basis.MODELLED, False)
    assert all(each.source for each in own.parameters)
    assert {each.name.partition(".")[0] for each in own.parameters} == {
        "sheet", "model", "time", "power", "power_model", "clock_share",
    }  # fmt: skip
    assert {each.what.partition(",")[0] for each in own.errors} == {"throughput", "power"}


PUBLISHED_MHZ = {"A100": (810, 1005), "H100": (840, 1110)}


@pytest.mark.parametrize("instance", [each for each in SHIPPED if each.gpus != 2], ids=lambda each: each.file_name)
def test_least_energy_lies_at_the_published_clocks(instance: Instance) -> None:
    """On two GPUs the 70B model leaves room for a dozen requests only, and even lower clocks cost least."""
    document = read_profile(DATA / instance.file_name)
    table = document.table()
    best = least_energy(table, [REFERENCE], fitting_batch(table, REFERENCE))[0].best.sm_clock_mhz
    low, high = PUBLISHED_MHZ[document.gpu]
    assert best is not None
    assert low <= best <= high
