"""What an instance of a mode is like: how long passes take, what they draw, what fits, what loading costs."""

from dataclasses import dataclass

from freesh_plugin.core.power_model import PowerModel, ShareModel
from freesh_plugin.core.profile import Basis
from freesh_plugin.core.step_model import StepModel


@dataclass(frozen=True)
class EngineModel:
    """An instance of one model in one mode, as the simulator serves with it.

    Attributes:
        mode: Name of the mode.
        model: Name of the LLM.
        gpu_type: Type of its GPUs.
        gpus: How many it takes.
        step: How long a pass takes.
        power: What one GPU draws.
        shares: What a pass uses of it.
        max_batch: Most requests that decode together.
        kv_tokens: Tokens that the KV memory holds.
        chunk_tokens: Most prompt tokens that a pass computes.
        clocks_mhz: SM clocks that can be set, ascending.
        startup_s: Seconds to load the model.
        startup_energy_j: Joules of loading it, all GPUs together.
        basis: Where times and watts come from.
        step_error: Median of |time by `step` / time of the profile - 1|; None where `step` is no fit.
        power_error: The same of watts.
    """

    mode: str
    model: str
    gpu_type: str
    gpus: int
    step: StepModel
    power: PowerModel
    shares: ShareModel
    max_batch: int
    kv_tokens: int
    chunk_tokens: int
    clocks_mhz: tuple[int, ...]
    startup_s: float = 0.0
    startup_energy_j: float = 0.0
    basis: Basis = Basis.MODELLED
    step_error: float | None = None
    power_error: float | None = None
