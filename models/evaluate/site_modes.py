"""The modes of the evaluation's fleet: GPUs, clocks, loading, and the modelled profile and engine of each."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from freesh_plugin.core.profile import TokenTable
from models.capacity.engine_fit import engine_of
from models.domain.engine import EngineModel
from models.domain.scenario import DEFAULT, Mode
from models.sources.profile_document import shipped_profiles

LLM = "llama-3-70b"

LOAD_S = 90.0
"""Seconds to load the model into an instance; stated."""

LOAD_W: Mapping[str, float] = {"A100": 120.0, "H100": 160.0}
"""Watts of a GPU while it loads: weights are copied, little is computed; stated."""

SHARDS: Mapping[str, tuple[int, ...]] = {"A100": (2, 4, 8), "H100": (4,)}
"""GPUs of an instance: the artefact's modes."""

CLOCKS_MHZ: Mapping[str, tuple[int, ...]] = {"A100": (900, 1125), "H100": (990, 1260)}
"""Clocks that instances of 4 and 8 GPUs may be planned at besides the highest: of about least energy, and midway."""

CLOCKED_SHARD = 4
"""Least GPUs of an instance that is offered at several clocks: one of two has hardly any room for requests."""


def all_modes() -> tuple[Mode, ...]:
    """Every mode that may be planned."""
    return tuple(_modes())


def top_clock_modes() -> tuple[str, ...]:
    """Names of the modes at the highest clock."""
    return tuple(each.name for each in all_modes() if each.sm_clock_ceiling_mhz is None)


def mode_name(gpu_type: str, gpus: int, clock_mhz: int | None = None) -> str:
    """Name of a mode, with its clock where that is not the highest."""
    return f"TP{gpus}x{gpu_type}" + ("" if clock_mhz is None else f"@{clock_mhz}")


@lru_cache(maxsize=1)
def tables() -> Mapping[tuple[str, int], TokenTable]:
    """Modelled profiles of the LLM by type and number of GPUs."""
    return {(each.gpu_type, each.gpus): each.table for each in shipped_profiles() if each.model == LLM}


def table_of(mode: Mode) -> TokenTable:
    """The profile of a mode; its clock is another matter."""
    ((gpu_type, gpus),) = mode.gpus.items()
    return tables()[gpu_type, gpus]


def engine_of_mode(mode: Mode, power_model: str) -> EngineModel:
    """The engine of a mode under a power model (low, mid or high)."""
    ((gpu_type, gpus),) = mode.gpus.items()
    return _engine(mode.name, gpu_type, gpus, power_model, mode.startup_s, mode.startup_energy_j)


@lru_cache(maxsize=128)
def _engine(
    name: str, gpu_type: str, gpus: int, power_model: str, startup_s: float, startup_energy_j: float
) -> EngineModel:
    return engine_of(
        tables()[gpu_type, gpus], mode=name, model=DEFAULT, gpu_type=gpu_type, gpus=gpus, power_variant=power_model,
        startup_s=startup_s, startup_energy_j=startup_energy_j,
    )  # fmt: skip


def _modes() -> Iterator[Mode]:
    for gpu_type, shards in SHARDS.items():
        for gpus in shards:
            clocks = CLOCKS_MHZ[gpu_type] if gpus >= CLOCKED_SHARD else ()
            for clock_mhz in (None, *clocks):
                yield Mode(
                    mode_name(gpu_type, gpus, clock_mhz), {gpu_type: gpus}, clock_mhz, LOAD_S,
                    LOAD_S * LOAD_W[gpu_type] * gpus,
                )  # fmt: skip
