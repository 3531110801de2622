"""An operator's scenario folder as a fleet that every policy can be run on."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from freesh_plugin.core.errors import ScenarioError
from models.domain.workload import Workload
from models.evaluate.own_site import OwnSite, own_fleet, own_site
from models.evaluate.site import ONE_CLASS
from models.evaluate.start_state import places, running_all_on
from models.sources.workload.dressing import Dress, dressed
from models.sources.workload.synthetic import SyntheticSettings, synthetic_workload
from tests.fakes.token_files import write_token_files

TOKENS = Path(__file__).parents[4] / "models" / "data" / "tokens"


@pytest.fixture(scope="module")
def before() -> Workload:
    made = synthetic_workload(3, SyntheticSettings(1.0, 1_800.0, kind="conversation"))
    return dressed(made, Dress(3))


@pytest.fixture(scope="module")
def site(before: Workload) -> OwnSite:
    return own_site(own_fleet(TOKENS), before, ("A", "B"))


def test_modes_are_called_as_the_policies_call_them(site: OwnSite) -> None:
    assert [each.name for each in site.scenario.modes] == ["TP4xA100", "TP4xA100@1005", "TP4xH100"]
    assert set(site.fleet.engines) == {"TP4xA100", "TP4xA100@1005", "TP4xH100"}
    assert max(site.fleet.engines["TP4xA100@1005"].clocks_mhz) <= 1005


def test_locations_keep_what_they_state_and_get_their_zones(site: OwnSite) -> None:
    north, south = site.scenario.locations
    assert (north.gpus, north.pue, north.grid_zone, south.grid_zone) == ({"A100": 16, "H100": 4}, 1.1, "A", "B")


def test_service_is_scored_by_the_operators_own_levels(site: OwnSite) -> None:
    scored = site.fleet.scored_by
    assert scored.partition.name == "a"
    assert scored.level("default", "SL", "default").latency_s == 120
    assert scored.level("default", "LS", "default").ttft_s == 3


def test_one_pool_for_all_is_planned_by_the_loosest_of_them(site: OwnSite) -> None:
    (level,) = (each for each in site.scenario.slos if each.partition == ONE_CLASS.name)
    assert (level.latency_s, level.ttft_s, level.tbt_s) == (120, 3, 0.1)


def test_all_on_is_every_gpu_that_makes_an_instance(site: OwnSite) -> None:
    found = [(each.location, each.mode) for each in places(site)]
    assert found.count(("north", "TP4xA100")) == 4
    assert found.count(("north", "TP4xH100")) == 1
    assert found.count(("south", "TP4xA100")) == 4
    assert found.count(("south", "TP4xH100")) == 2
    assert sum(each.instances for each in running_all_on(site)) == 11


def test_another_power_model_changes_watts_and_no_capacity(site: OwnSite) -> None:
    other = site.drawing("low")
    assert other.power_model == "low"
    assert other.scenario == site.scenario
    assert other.fleet.engines["TP4xH100"].step == site.fleet.engines["TP4xH100"].step


def test_its_static_clocks_are_its_own(site: OwnSite) -> None:
    assert site.static_clocks_mhz["A100"] in (1005, 1410)
    assert site.static_clocks_mhz["H100"] in (1110, 1980)


def test_origins_are_those_that_locations_name() -> None:
    assert own_fleet(TOKENS).origins == ("any",)


def test_names_that_requests_may_bear_are_those_of_the_folder() -> None:
    names = own_fleet(TOKENS).names
    assert names.origins is None, "its locations serve everybody"
    assert set(names.tiers) == {"default"}
    assert set(names.models.values()) == {"default"}


def test_a_mode_of_two_gpu_types_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    shutil.copytree(TOKENS, folder)
    text = (folder / "scenario.yaml").read_text(encoding="utf-8")
    (folder / "scenario.yaml").write_text(text.replace("gpus: {H100: 4}", "gpus: {H100: 2, A100: 2}"), encoding="utf-8")
    with pytest.raises(ScenarioError, match="takes GPUs of 2 types"):
        own_fleet(folder)


def test_a_fleet_of_several_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="2 models, a simulation of a folder has one"):
        own_fleet(write_token_files(tmp_path))


def test_a_folder_without_token_profiles_is_refused() -> None:
    with pytest.raises(ScenarioError, match="no mode has a token-level profile"):
        own_fleet(TOKENS.parent / "demo")


def test_an_origin_that_only_an_open_location_serves_is_no_fault() -> None:
    whole = own_fleet(TOKENS)
    first, *others = whole.scenario.locations
    locked = replace(whole.scenario, locations=tuple(replace(e, allowed_origins=("eu",)) for e in (first, *others)))
    some = replace(whole.scenario, locations=(replace(first, allowed_origins=("eu",)), *others))
    assert replace(whole, scenario=some).names.origins is None
    assert set(replace(whole, scenario=locked).names.origins or ()) == {"eu", "any"}
