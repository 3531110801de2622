"""An engine for the simulator from a token-level profile: step, power and share model fitted to its points."""

from dataclasses import replace

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.pass_fit import fit_passes
from freesh_plugin.core.power_model import A100_VARIANTS, VARIANTS, PowerModel
from freesh_plugin.core.profile import TokenTable
from models.capacity.table_points import points_of
from models.domain.engine import EngineModel

CHUNK_TOKENS = 4096
"""Most prompt tokens of a pass: TGI's default of `max_batch_prefill_tokens`."""

TOP_WEIGHT = 3.0
"""How much more a point at the highest clock counts, where capacities are reckoned and SLOs kept or broken.

With 1 the median error there is twice as large, with 6 that at the lowest clocks (profiles of `freesh_plugin/data`).
"""

_KNOWN = ("A100", "H100")
"""Types of GPU that have a power model of their own."""

_STEP_MHZ = 15


def engine_of(
    profile: TokenTable,
    *,
    mode: str,
    model: str,
    gpu_type: str,
    gpus: int,
    power_variant: str = "mid",
    chunk_tokens: int = CHUNK_TOKENS,
    startup_s: float = 0.0,
    startup_energy_j: float = 0.0,
) -> EngineModel:
    """The engine that a profile describes.

    Watts at rest are the profile's at any clock: a limit lets the clock of an idle GPU fall.

    Args:
        profile: Of the model in the mode.
        mode: Name of the mode.
        model: Name of the LLM.
        gpu_type: Type of the GPUs; one that is neither A100 nor H100 gets the shape of an H100's power.
        gpus: How many the mode takes.
        power_variant: low, mid or high: where the voltage begins to rise.
        chunk_tokens: Most prompt tokens that a pass computes.
        startup_s: Seconds to load the model.
        startup_energy_j: Joules of that.

    Raises:
        ProfileError: no such variant, or times that do not grow with the prompt.
    """
    points = tuple(points_of(profile))
    most_w = max(each.power_w for each in points) / gpus
    base = _variant(profile, gpu_type, power_variant, most_w)
    source = f"fitted to the profile; {base.source}"
    fit = fit_passes(points, gpus, profile.limits.idle_power_w, source, base, TOP_WEIGHT)
    return EngineModel(
        mode=mode,
        model=model,
        gpu_type=gpu_type,
        gpus=gpus,
        step=replace(fit.step, source="fitted to the profile"),
        power=fit.power,
        shares=fit.shares,
        max_batch=profile.limits.max_batch,
        kv_tokens=profile.limits.kv_tokens,
        chunk_tokens=chunk_tokens,
        clocks_mhz=_clocks_mhz(profile, base.top_clock_mhz),
        startup_s=startup_s,
        startup_energy_j=startup_energy_j,
        basis=profile.limits.basis,
        step_error=fit.time_error,
        power_error=fit.power_error,
    )


def _variant(profile: TokenTable, gpu_type: str, name: str, most_w: float) -> PowerModel:
    """The power model by its name, told at the profile's highest clock.

    A GPU that has none takes an H100's: the clock at which the voltage begins to rise by the ratio of the highest
    clocks, and as power limit the most watts of the profile.
    """
    family = A100_VARIANTS if gpu_type.startswith("A100") else VARIANTS
    if name not in family:
        raise ProfileError(f"power model {name!r} is none of {', '.join(family)}")
    model = family[name]
    top_mhz = profile.sm_clocks_mhz[-1] if profile.sm_clocks_mhz else model.top_clock_mhz
    scaled_mhz = model.knee_mhz * top_mhz / model.top_clock_mhz
    if not gpu_type.startswith(_KNOWN):
        return replace(model, top_clock_mhz=top_mhz, knee_mhz=scaled_mhz, cap_w=most_w)
    return replace(model, top_clock_mhz=top_mhz, knee_mhz=model.knee_mhz if model.knee_mhz < top_mhz else scaled_mhz)


def _clocks_mhz(profile: TokenTable, top_clock_mhz: float) -> tuple[int, ...]:
    """From the lowest to the highest of the profile, in steps of 15 MHz as is usual; one where it states none."""
    if not profile.sm_clocks_mhz:
        return (round(top_clock_mhz),)
    low, high = (round(profile.sm_clocks_mhz[end]) for end in (0, -1))
    return (*range(high, low, -_STEP_MHZ), low)[::-1]
