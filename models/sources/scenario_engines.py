"""Engines for the simulator of a scenario's modes, from the token-level profiles of its folder."""

from dataclasses import replace
from pathlib import Path

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.core.profile import TokenTable
from models.capacity.engine_fit import CHUNK_TOKENS, engine_of
from models.domain.engine import EngineModel
from models.domain.lengths import RequestLength
from models.domain.scenario import Mode, Scenario
from models.sources.scenario.tables import Names
from models.sources.scenario.token_tables import Pair, read_lengths, read_token_profiles

Lengths = dict[str, tuple[RequestLength, ...]]
"""Of requests, by model."""


def load_tokens(folder: Path, scenario: Scenario) -> tuple[dict[Pair, TokenTable], Lengths]:
    """Token-level profiles by (model, mode) and lengths by model, of a scenario that was read from `folder`.

    Raises:
        ScenarioError: as for `load_scenario`.
    """
    names = Names(
        locations=scenario.locations,
        modes=tuple(each.name for each in scenario.modes),
        partitions=scenario.partitions,
        models=scenario.models,
        tiers=tuple(each.name for each in scenario.tiers),
        steps=scenario.steps,
    )
    return read_token_profiles(folder, names), read_lengths(folder, names)


def load_engines(
    folder: Path, scenario: Scenario, power_variant: str = "mid", chunk_tokens: int = CHUNK_TOKENS
) -> dict[Pair, EngineModel]:
    """Engines by (model, mode), of all pairs with a token-level profile.

    Args:
        folder: Of the scenario.
        scenario: As read from there.
        power_variant: low, mid or high, as for `engine_of`.
        chunk_tokens: Most prompt tokens of a pass.

    Raises:
        ScenarioError: as for `load_scenario`.
        ProfileError: an engine cannot be fitted.
    """
    tables, _ = load_tokens(folder, scenario)
    modes = {each.name: each for each in scenario.modes}
    return {
        (model, mode): engine_of_mode(table, modes[mode], model, power_variant, chunk_tokens)
        for (model, mode), table in tables.items()
    }


def engine_of_mode(
    table: TokenTable, mode: Mode, model: str, power_variant: str = "mid", chunk_tokens: int = CHUNK_TOKENS
) -> EngineModel:
    """The engine of a mode with a profile of its own; none of its clocks is above the mode's ceiling.

    Raises:
        ScenarioError: the mode takes GPUs of several types, or has no clock under its ceiling.
        ProfileError: an engine cannot be fitted.
    """
    if len(mode.gpus) != 1:
        raise ScenarioError(f"mode {mode.name!r} takes GPUs of {len(mode.gpus)} types, an engine has one")
    ((gpu_type, gpus),) = mode.gpus.items()
    engine = engine_of(
        table,
        mode=mode.name,
        model=model,
        gpu_type=gpu_type,
        gpus=gpus,
        power_variant=power_variant,
        chunk_tokens=chunk_tokens,
        startup_s=mode.startup_s,
        startup_energy_j=mode.startup_energy_j,
    )
    return engine if mode.sm_clock_ceiling_mhz is None else _under(engine, mode.sm_clock_ceiling_mhz)


def _under(engine: EngineModel, ceiling_mhz: int) -> EngineModel:
    allowed = tuple(each for each in engine.clocks_mhz if each <= ceiling_mhz)
    if not allowed:
        raise ScenarioError(
            f"mode {engine.mode!r}: its ceiling is {ceiling_mhz} MHz, its profile begins at {engine.clocks_mhz[0]} MHz"
        )
    return replace(engine, clocks_mhz=allowed)
