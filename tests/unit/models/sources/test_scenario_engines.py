"""Engines of a scenario's modes."""

from dataclasses import replace
from pathlib import Path

import pytest

from freesh_plugin.core.errors import ScenarioError
from models.domain.scenario import Mode, Scenario
from models.sources.scenario_engines import engine_of_mode, load_engines, load_tokens
from models.sources.scenario_folder import load_scenario

TOKENS = Path("models/data/tokens")


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(TOKENS)


def test_every_mode_with_a_profile_has_an_engine(scenario: Scenario) -> None:
    engines = load_engines(TOKENS, scenario)
    assert set(engines) == {("default", each.name) for each in scenario.modes}
    h100 = engines["default", "TP4xH100"]
    assert (h100.gpu_type, h100.gpus, h100.startup_s, h100.startup_energy_j) == ("H100", 4, 120, 135_000)
    assert h100.clocks_mhz[-1] == 1980


def test_a_ceiling_of_the_mode_is_that_of_the_engine(scenario: Scenario) -> None:
    engine = load_engines(TOKENS, scenario)["default", "TP4xA100@1005"]
    assert engine.clocks_mhz[-1] == 1005
    assert engine.step.top_clock_mhz == 1410


def test_modes_that_no_engine_can_be_are_refused(scenario: Scenario) -> None:
    table = load_tokens(TOKENS, scenario)[0]["default", "TP4xH100"]
    mode = next(each for each in scenario.modes if each.name == "TP4xH100")
    with pytest.raises(ScenarioError, match="GPUs of 2 types"):
        engine_of_mode(table, Mode("mixed", {"A100": 2, "H100": 2}), "default")
    with pytest.raises(ScenarioError, match="its profile begins at 1110 MHz"):
        engine_of_mode(table, replace(mode, sm_clock_ceiling_mhz=600), "default")
