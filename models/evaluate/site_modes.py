"""The modes of the evaluation's fleet: GPUs, clocks, loading, and the modelled profile and engine of each."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from freesh_plugin.core.profile import TokenTable
from models.capacity.engine_fit import engine_of
from models.domain.engine import EngineModel
from models.domain.scenario import DEFAULT, Mode
from models.evaluate.site_levels import TBT_S
from models.sources.profile_document import shipped_profiles

LLM = "llama-3-70b"

LOAD_S = 90.0
"""Seconds to load the model into an instance; stated."""

LOAD_W: Mapping[str, float] = {"A100": 120.0, "H100": 160.0}
"""Watts of a GPU while it loads: weights are copied, little is computed; stated."""

SHARDS: Mapping[str, tuple[int, ...]] = {"A100": (2, 4, 8), "H100": (4,)}
"""GPUs of an instance: the artefact's modes."""

CHUNKS_TOKENS = (256, 512, 1_024, 2_048, 4_096)
"""Most prompt tokens of a pass: the largest of these with which a pass keeps the bound of TBT, at the lowest clock too.

As engines that compute prompts in chunks have it set. TGI's default, 4,096, takes these GPUs up to a second.
"""

CONTEXT_TOKENS = 1_024
"""Context of each request at which the clock of least energy is told."""


def chunk_tokens(table: TokenTable) -> int:
    """The chunk of prompts that suits a profile, beside half a batch that decodes."""
    batch, clock_mhz = max(table.limits.max_batch // 2, 1), least_energy_mhz(table)
    context = min(CONTEXT_TOKENS, table.limits.kv_tokens / batch)
    left_s = TBT_S - table.decode_step_s(batch, context, clock_mhz)
    kept = [each for each in CHUNKS_TOKENS if table.prefill_s(each, clock_mhz) <= left_s]
    return max(kept, default=CHUNKS_TOKENS[0])


def all_modes() -> tuple[Mode, ...]:
    """Every mode that may be planned."""
    return tuple(_modes())


def mode_name(gpu_type: str, gpus: int, clock_mhz: int | None = None) -> str:
    """Name of a mode, with its clock where that is not the highest."""
    return f"TP{gpus}x{gpu_type}" + ("" if clock_mhz is None else f"@{clock_mhz}")


def least_energy_mhz(table: TokenTable) -> int | None:
    """The measured clock at which a token takes least energy when half of the batch is used; None = none is stated."""
    batch = max(table.limits.max_batch // 2, 1)
    context = min(CONTEXT_TOKENS, table.limits.kv_tokens / batch)

    def energy_j(clock_mhz: float) -> float:
        return table.decode_step_s(batch, context, clock_mhz) * table.decode_power_w(batch, context, clock_mhz)

    clocks = table.sm_clocks_mhz
    return int(min(clocks, key=energy_j)) if clocks else None


@lru_cache(maxsize=1)
def tables() -> Mapping[tuple[str, int], TokenTable]:
    """Modelled profiles of the LLM by type and number of GPUs."""
    return {(each.gpu_type, each.gpus): each.table for each in shipped_profiles() if each.model == LLM}


def table_of(mode: Mode) -> TokenTable:
    """The profile of a mode."""
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
        chunk_tokens=chunk_tokens(tables()[gpu_type, gpus]), startup_s=startup_s, startup_energy_j=startup_energy_j,
    )  # fmt: skip


def _modes() -> Iterator[Mode]:
    for gpu_type, shards in SHARDS.items():
        for gpus in shards:
            load_j = LOAD_S * LOAD_W[gpu_type] * gpus
            yield Mode(mode_name(gpu_type, gpus), {gpu_type: gpus}, None, LOAD_S, load_j)
