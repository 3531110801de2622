"""`power.csv`: power by load of stated profiles, its order, its range and its last level."""

from pathlib import Path

import pytest

from freesh_plugin.core.errors import ScenarioError
from models.sources.scenario_folder import load_scenario
from tests.fakes.scenario_files import edit, write_files

HEADER = "partition,request_class,mode,load,power_w,model"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "scenario")


def write_power(folder: Path, *rows: str) -> None:
    (folder / "power.csv").write_text("\n".join([HEADER, *rows]) + "\n")


def test_levels_belong_to_their_profile(folder: Path) -> None:
    write_power(folder, "a,SS,TP2xA100,0.25,500,default", "a,SL,TP2xA100,1,750,small", "a,SS,TP2xA100,1,745.6,default")
    levels = {
        (each.request_class, each.model): each.power_levels
        for each in load_scenario(folder).profiles
        if each.power_levels
    }
    assert levels == {("SS", "default"): ((0.25, 500.0), (1.0, 745.6)), ("SL", "small"): ((1.0, 750.0),)}


FAULTS = [
    (["a,SS,TP2xA100,0,500,default"], r"power\.csv, row 2, column load: 0 of the capacity is not greater than the"),
    (["a,SS,TP2xA100,1.1,500,default"], r"power\.csv, row 2, column load: 1\.1 of the capacity is greater than the"),
    (["a,SS,TP2xA100,1,0,default"], r"power\.csv, row 2, column power_w: 0 W is not greater than the limit 0"),
    (["a,SS,TP2xA100,0.5,500,default"], r"power\.csv, row 2: the last load is 0\.5, it must be 1, the capacity"),
    (
        ["a,SS,TP2xA100,0.5,500,default", "a,SS,TP2xA100,0.4,400,default"],
        r"power\.csv, row 3: load 0\.4 does not ascend from 0\.5 of row 2",
    ),
    (
        ["a,SS,TP2xA100,0.5,500,default", "a,SS,TP2xA100,0.5,400,default"],
        r"power\.csv, row 3: states the same as row 2",
    ),
    (
        ["a,SS,TP2xA100,1,760,default"],
        r"power\.csv, row 2: 760 W at load 1 and full_power_w 745\.6 W in profiles\.csv differ by more than 1%",
    ),
    (
        ["a,SS,TP4xH100,1,760,default"],
        r"power\.csv, row 2: profiles\.csv has no row .* model 'default' with a capacity",
    ),
    (["a,SS,TP4xH100,1,760,small"], r"power\.csv, row 2: profiles\.csv has no row .* model 'small' with a capacity"),
    (["a,SS,TP2xA10,1,760,small"], r"column mode: 'TP2xA10' is not a known mode; nearest known name is 'TP2xA100'"),
    (["a,XX,TP2xA100,1,760,small"], r"column request_class: 'XX' is not a known class of partition 'a'"),
    ([], r"power\.csv: a header and no rows"),
]


@pytest.mark.parametrize(("rows", "message"), FAULTS)
def test_a_fault_names_its_row(folder: Path, rows: list[str], message: str) -> None:
    write_power(folder, *rows)
    with pytest.raises(ScenarioError, match=message):
        load_scenario(folder)


def test_tiers_say_whether_they_outlive_a_loss(folder: Path) -> None:
    assert [each.protected for each in load_scenario(folder).tiers] == [True, True]
    edit(folder, "scenario.yaml", "shed_price: 0.1}", "shed_price: 0.1, protected: false}")
    assert [each.protected for each in load_scenario(folder).tiers] == [True, False]
    edit(folder, "scenario.yaml", "protected: false", "protected: maybe")
    with pytest.raises(ScenarioError, match=r"tiers\[1\]\.protected: 'maybe' is neither true nor false"):
        load_scenario(folder)


def test_a_row_may_say_that_it_is_modelled(folder: Path) -> None:
    text = (folder / "profiles.csv").read_text().splitlines()
    text = [f"{line},{'modelled' if i == 0 else 'true' if i == 1 else ''}" for i, line in enumerate(text)]
    (folder / "profiles.csv").write_text("\n".join(text) + "\n")
    assert [each.modelled for each in load_scenario(folder).profiles][:3] == [True, False, False]
    edit(folder, "profiles.csv", ",true", ",perhaps")
    with pytest.raises(ScenarioError, match=r"profiles\.csv, row 2, column modelled: 'perhaps' is neither true nor"):
        load_scenario(folder)
