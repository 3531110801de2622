"""What is written as a scenario folder is read back as the same scenario."""

import dataclasses
import tempfile
from pathlib import Path

from hypothesis import given, settings

from models.domain.scenario import Scenario
from models.sources.scenario_folder import load_fleet, load_scenario, write_scenario
from tests.fakes.scenario_files import write_files
from tests.fakes.scenario_strategy import scenarios


@settings(max_examples=60, deadline=None)
@given(scenarios())
def test_any_scenario_survives_the_round_trip(scenario: Scenario) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_scenario(scenario, Path(folder))
        assert dataclasses.replace(load_scenario(Path(folder)), folder=None) == scenario


def test_a_folder_written_by_hand_survives_too(tmp_path: Path) -> None:
    scenario = load_scenario(write_files(tmp_path / "by_hand"))
    write_scenario(scenario, tmp_path / "written")
    again = load_scenario(tmp_path / "written")
    assert dataclasses.replace(again, folder=scenario.folder) == scenario
    assert not again.profiles[-1].idle_assumed


def test_a_table_that_lost_its_rows_is_removed(tmp_path: Path) -> None:
    scenario = load_scenario(write_files(tmp_path / "both"))
    write_scenario(dataclasses.replace(scenario, prices=(), demand=(), carbon=()), tmp_path / "both")
    fleet = load_fleet(tmp_path / "both")
    assert fleet.prices == ()
    assert not (tmp_path / "both" / "demand.csv").exists()
