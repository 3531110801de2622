"""Profile documents read by the planner: the shipped ones, and files that are none."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from freesh_plugin.core.errors import ProfileError
from models.sources.profile_document import read_profile_document, shipped_profiles

H100 = json.loads((files("freesh_plugin") / "data" / "h100-llama-3-8b-tp1.json").read_text())


def written(folder: Path, text: str) -> Path:
    path = folder / "profile.json"
    path.write_text(text)
    return path


def test_the_eight_shipped_profiles_are_read_with_their_points() -> None:
    profiles = {each.mode: each for each in shipped_profiles()}
    assert sorted(profiles) == sorted(f"TP{gpus}x{gpu}" for gpu in ("A100", "H100") for gpus in (1, 2, 4, 8))
    own = profiles["TP1xH100"]
    phase, batch, tokens, clock, time_s, power_w = H100["points"][-1]
    assert phase == "decode"
    assert own.table.decode_step_s(batch, tokens, clock) == time_s
    assert own.table.decode_power_w(batch, tokens, clock) == power_w
    assert (own.gpu_type, own.gpus, own.model) == ("H100", 1, "llama-3-8b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a profile"),
        (json.dumps({**H100, "points": []}), "no prefill point"),
        (json.dumps({**H100, "schema_version": 2}), "schema version 2, expected 1"),
        (json.dumps({**H100, "limits": {}}), "missing required field"),
    ],
)
def test_what_is_no_profile_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        read_profile_document(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"none\.json: cannot be read"):
        read_profile_document(tmp_path / "none.json")
