"""Power models by GPU: those of `core/power_model.py`, and the same by data-sheet ratios where there is none."""

from dataclasses import replace

from freesh_plugin.core.power_model import A100_VARIANTS, VARIANTS, PowerModel
from profiling.modelled.gpu_sheet import EXTRAPOLATED_FROM, SHEETS, GpuSheet

BRACKET = ("low", "mid", "high")
"""Names of the power models that bracket the published clocks of least energy."""

_OF_FAMILY = {"A100": A100_VARIANTS, "H100": VARIANTS}


def power_model(gpu: GpuSheet, variant: str) -> PowerModel:
    """The power model of a GPU.

    One without figures takes that of the GPU it is extrapolated from: watts by the ratio of board power, clocks by the
    ratio of the highest.
    """
    if gpu.family is not None:
        return _OF_FAMILY[gpu.family][variant]
    base = SHEETS[EXTRAPOLATED_FROM[gpu.name]]
    model = power_model(base, variant)
    watts, clocks = gpu.board_w / base.board_w, gpu.top_clock_mhz / base.top_clock_mhz
    return replace(
        model,
        idle_w=gpu.idle_w,
        clock_w=model.clock_w * watts,
        memory_w=model.memory_w * watts,
        dynamic_w=model.dynamic_w * watts,
        knee_mhz=model.knee_mhz * clocks,
        top_clock_mhz=gpu.top_clock_mhz,
        cap_w=gpu.board_w,
        source=f"extrapolated from {base.name} by data-sheet ratios",
    )
