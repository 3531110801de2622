"""Profiles derived by the scenario loader: which, against which bounds, what overrides them, and every fault."""

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.core.profile import Basis
from models.allocation.paper import meets
from models.sources.scenario_folder import load_capacity, load_fleet, load_scenario, write_scenario
from tests.fakes.scenario_files import edit, write_files
from tests.fakes.token_files import every_row, state_profiles, write_token_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_token_files(tmp_path / "tokens")


def test_every_class_is_derived_in_every_mode_that_has_a_token_profile(folder: Path) -> None:
    scenario, derived = load_capacity(folder)
    assert Counter((each.model, each.mode) for each in scenario.profiles) == {
        ("default", "TP2xA100"): 4,
        ("default", "TP4xH100"): 4,
        ("small", "TP2xA100"): 4,
    }
    assert all(each.modelled and not each.idle_assumed for each in scenario.profiles)
    assert {(each.profile.mode, each.basis) for each in derived} == {
        ("TP2xA100", Basis.MEASURED),
        ("TP4xH100", Basis.MODELLED),
    }
    assert scenario.profiles == load_fleet(folder).profiles == load_scenario(folder).profiles


def test_whatever_is_derived_keeps_its_bounds_at_the_end_of_the_longest_way(folder: Path) -> None:
    """North has the H100s and is 0.09 s from the US: so much of 40 s and of 0.3 s is kept free."""
    scenario = load_scenario(folder)
    levels = {(each.request_class, each.model): each for each in scenario.slos}
    for each in scenario.profiles:
        assert each.capacity_rps > 0
        assert meets(each, levels[each.request_class, each.model], rtt_s=0.09)
        assert each.latency_s <= 39.91
        assert each.ttft_s <= 0.21


def test_a_way_that_would_take_more_than_half_of_a_bound_is_left_to_others(folder: Path) -> None:
    near = {(each.model, each.request_class, each.mode): each.capacity_rps for each in load_fleet(folder).profiles}
    edit(folder, "scenario.yaml", "us: 0.09", "us: 0.151")
    far = {(each.model, each.request_class, each.mode): each.capacity_rps for each in load_fleet(folder).profiles}
    assert far["default", "LL", "TP2xA100"] > near["default", "LL", "TP2xA100"]
    assert all(each.ttft_s <= 0.28 for each in load_fleet(folder).profiles)


def test_the_tightest_tier_rules(folder: Path) -> None:
    loose = load_fleet(folder).profiles[0]
    edit(folder, "slo.csv", "a,SS,40,0.3,0.15,default,batch", "a,SS,3,0.3,0.15,default,batch")
    tight = load_fleet(folder).profiles[0]
    assert (tight.request_class, tight.mode) == (loose.request_class, loose.mode) == ("SS", "TP2xA100")
    assert tight.latency_s <= 3 < loose.latency_s
    assert tight.capacity_rps < loose.capacity_rps


def test_a_clock_ceiling_is_the_clock_it_is_derived_at(folder: Path) -> None:
    """TP4xH100 has a ceiling of 1,410 MHz: between the two measured clocks in capacity and in time."""

    def capacity_rps() -> float:
        rows = {(each.request_class, each.mode): each.capacity_rps for each in load_fleet(folder).profiles}
        return rows["LL", "TP4xH100"]

    middle = capacity_rps()
    edit(folder, "scenario.yaml", "sm_clock_ceiling_mhz: 1410", "sm_clock_ceiling_mhz: 2500")
    fast = capacity_rps()
    edit(folder, "scenario.yaml", "sm_clock_ceiling_mhz: 2500", "sm_clock_ceiling_mhz: 1110")
    assert capacity_rps() < middle < fast


def test_a_row_that_is_stated_stands(folder: Path) -> None:
    state_profiles(folder, "default,SS,TP2xA100,123,700")
    scenario, derived = load_capacity(folder)
    stated = [each for each in scenario.profiles if not each.modelled]
    assert [(each.model, each.request_class, each.mode, each.capacity_rps) for each in stated] == [
        ("default", "SS", "TP2xA100", 123.0)
    ]
    assert len(derived) == 11


def test_nothing_is_derived_where_every_row_is_stated(folder: Path) -> None:
    (folder / "token_profiles.csv").unlink()
    (folder / "token_limits.csv").unlink()
    state_profiles(folder, *every_row())
    scenario, derived = load_capacity(folder)
    assert not derived
    assert len(scenario.profiles) == 8


def test_a_partition_with_an_unknown_boundary_is_only_ever_stated(folder: Path) -> None:
    edit(folder, "scenario.yaml", "models:", "  - {name: b, classes: [X, Y], answer_tokens: 444}\nmodels:")
    for name in "XY":
        for model in ("default", "small"):
            for tier in ("default", "batch"):
                with (folder / "slo.csv").open("a") as file:
                    file.write(f"b,{name},40,0.3,0.15,{model},{tier}\n")
    with pytest.raises(ScenarioError, match=r"profiles\.csv: no row for partition 'b'.* boundaries are unknown"):
        load_fleet(folder)


def test_a_partition_that_slo_does_not_name_for_a_model_is_not_derived_for_it(folder: Path) -> None:
    edit(
        folder, "scenario.yaml", "models:",
        "  - {name: b, classes: [X, Y], prompt_tokens: [], answer_tokens: 444}\nmodels:",
    )  # fmt: skip
    with (folder / "slo.csv").open("a") as file:
        for name in "XY":
            for tier in ("default", "batch"):
                file.write(f"b,{name},40,0.3,0.15,small,{tier}\n")
    rows = {(each.model, each.partition) for each in load_fleet(folder).profiles}
    assert rows == {("default", "a"), ("small", "a"), ("small", "b")}


def test_a_mode_that_cannot_serve_a_class_says_so(folder: Path) -> None:
    """Prefill of 1,500 tokens takes 0.085 s on two A100s: a TTFT of 0.08 s is out of reach for long prompts."""
    text = (folder / "slo.csv").read_text().replace(",40,0.3,", ",40,0.08,")
    (folder / "slo.csv").write_text(text)
    rows = {(each.model, each.request_class, each.mode): each for each in load_fleet(folder).profiles}
    never = rows["small", "LS", "TP2xA100"]
    assert never.capacity_rps == 0
    assert never.ttft_s == pytest.approx(0.0847, rel=0.01)
    assert rows["small", "SS", "TP2xA100"].capacity_rps > 0


def test_what_was_derived_is_written_as_rows_that_are_marked(folder: Path, tmp_path: Path) -> None:
    scenario = load_scenario(folder)
    write_scenario(scenario, tmp_path / "frozen")
    assert not (tmp_path / "frozen" / "token_profiles.csv").exists()
    frozen = load_scenario(tmp_path / "frozen")
    assert any(each.power_levels for each in frozen.profiles)
    assert dataclasses.replace(frozen, folder=scenario.folder) == scenario
    with (tmp_path / "frozen" / "profiles.csv").open() as file:
        assert file.readline().strip().endswith(",modelled")
        assert all(line.strip().endswith(",True") for line in file)


T, L, N = "token_profiles.csv", "token_limits.csv", "lengths.csv"
FAULTS = [
    (T, "phase", "phse", r"token_profiles\.csv, row 1: unknown column 'phse'; nearest known name is 'phase'"),
    (T, "prefill", "prefil", r"row 2, column phase: 'prefil' is not a known phase; nearest known name is 'prefill'"),
    (T, "TP2xA100", "TP2xA10", r"row 2, column mode: 'TP2xA10' is not a known mode; nearest known name is 'TP2xA100'"),
    (T, "default,", "defult,", r"row 2, column model: 'defult' is not a known model; nearest known name is 'default'"),
    (T, "prefill,100,,", "prefill,0,,", r"row 2, column tokens: 0 tokens is less than the limit 1"),
    (T, "prefill,100,,", "prefill,100,4,", r"row 2, column batch: 4 requests is greater than the limit 1"),
    (T, "decode,100,1,", "decode,100,,", r"row 4: a decode step needs its batch"),
    (T, "decode,100,1,", "decode,100,1.5,", r"row 4, column batch: 1\.5 requests is not a whole number"),
    (T, ",0.02,900", ",0,900", r"row 2, column time_s: 0 s is not greater than the limit 0"),
    (T, ",0.02,900", ",0.02,nan", r"row 2, column power_w: 'nan' is not a number"),
    (T, "decode,6000,1,", "decode,100,1,", r"token_profiles\.csv, row 5: states the same as row 4"),
    (
        T, "prefill,4000,,0.2", "prefill,4000,,0.01",
        r"token_profiles\.csv, model 'default', mode 'TP2xA100': prefill of batch 1, 4000 tokens takes 0\.01 s",
    ),
    (L, ",16,60000", ",17,60000", r"mode 'TP2xA100': decode is measured up to batch 16, max_batch is 17"),
    (L, ",16,60000", ",0,60000", r"token_limits\.csv, row 2, column max_batch: 0 requests is less than the limit 1"),
    (L, "measured", "guessed", r"token_limits\.csv, row 2, column basis: 'guessed' is not a known basis"),
    (L, ",280,", ",301,", r"row 4, column parked_power_w: 301 W is greater than the limit 300"),
    (L, "small,TP2xA100,16", "small,TP4xH100,16", r"no row for model 'small', mode 'TP(2xA100|4xH100)', which token"),
    (L, "basis", "bases", r"token_limits\.csv, row 1: unknown column 'bases'; nearest known name is 'basis'"),
    (N, "400,100,6,default", "0,100,6,default", r"lengths\.csv, row 2, column prompt_tokens: 0 tokens is less than"),
    (N, "400,100,6,default", "400,100,-6,default", r"lengths\.csv, row 2, column weight: -6 is less than the limit 0"),
    (N, "400,100,6,default", "400,100,6,defalt", r"lengths\.csv, row 2, column model: 'defalt' is not a known model"),
    (
        N, "1500,600,1,small\n", "",
        r"lengths\.csv: no request of model 'small' falls into class 'LL' of partition 'a'; add some, or state model"
        r" 'small', partition 'a', class 'LL', mode 'TP2xA100' in profiles\.csv",
    ),
    (
        N, "1500,600,1,default", "9000,600,1,default",
        r"token_profiles\.csv, model 'default', partition 'a', class 'LL', mode 'TP2xA100': prefill at batch 1: 9000"
        r" tokens asked for, measured up to 4000, limit 4400; measure further, or state the row in profiles\.csv",
    ),
    (
        "scenario.yaml", "gpus: {A100: 2}", "sm_clock_ceiling_mhz: 1000, gpus: {A100: 2}",
        r"1000 MHz asked for, no clock was stated when measuring",
    ),
    ("scenario.yaml", "_mhz: 1410", "_mhz: 900", r"900 MHz asked for, measured from 1110 to 1980 MHz"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "message"), FAULTS)
def test_a_fault_names_its_place(folder: Path, file: str, old: str, new: str, message: str) -> None:
    edit(folder, file, old, new)
    with pytest.raises(ScenarioError, match=message):
        load_fleet(folder)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (T, r"token_limits\.csv: there is no token_profiles\.csv that it belongs to|profiles\.csv: no such file"),
        (L, r"token_limits\.csv: no such file"),
        (N, r"lengths\.csv: no request of model 'default' falls into class 'SS'"),
    ],
)
def test_a_missing_table_is_named(folder: Path, file: str, message: str) -> None:
    (folder / file).unlink()
    with pytest.raises(ScenarioError, match=message):
        load_fleet(folder)


@pytest.mark.parametrize("file", [T, L, N])
def test_a_table_without_rows_or_text_is_refused(folder: Path, file: str) -> None:
    header = (folder / file).read_text().splitlines()[0]
    for content, message in ((header + "\n", "a header and no rows"), ("", "the file is empty")):
        (folder / file).write_text(content)
        with pytest.raises(ScenarioError, match=rf"{file}: {message}"):
            load_fleet(folder)


def test_a_misspelt_table_is_not_passed_over(folder: Path) -> None:
    (folder / N).rename(folder / "length.csv")
    with pytest.raises(ScenarioError, match=r"length\.csv: unknown table; nearest known name is 'lengths\.csv'"):
        load_fleet(folder)


def test_profiles_are_required_where_nothing_can_be_derived(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "plain")
    (folder / "profiles.csv").unlink()
    with pytest.raises(ScenarioError, match=r"profiles\.csv: no such file"):
        load_fleet(folder)
