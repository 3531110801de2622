"""What a pass is predicted to draw, by the work that draws it: the weights by which its measured energy is shared."""

from dataclasses import dataclass

from freesh_plugin.core.power_model import ASSUMED as ASSUMED_POWER
from freesh_plugin.core.power_model import ASSUMED_SHARES, PowerModel, ShareModel, power_w, shares
from freesh_plugin.core.step_model import ASSUMED as ASSUMED_STEP
from freesh_plugin.core.step_model import StepModel


@dataclass(frozen=True, slots=True)
class PassPower:
    """Predicted power of a pass, W, in three parts; only their proportions matter, for the total is measured.

    Attributes:
        prompts_w: For computing prompts; shared by prompt tokens.
        memory_w: For reading the keys and values of the requests; shared by their tokens in memory.
        alike_w: For reading the weights and for what every request needs; shared equally.
    """

    prompts_w: float = 0.0
    memory_w: float = 0.0
    alike_w: float = 0.0


@dataclass(frozen=True, slots=True)
class EnergyWeights:
    """Predicts by the models of step time and power that the simulator uses.

    A pass takes t_prompts + t_memory + t_alike (`core/step_model.py`). Prompts are computed at the power of a pass of
    prompts alone, the rest at that of a pass that only decodes: prompts busy the arithmetic, decoding the memory. So

        prompts_w = P(prompts) · t_prompts / t        memory_w, alike_w = P(decoding) · t_memory, t_alike / t
    """

    step: StepModel
    power: PowerModel
    used: ShareModel = ASSUMED_SHARES

    def of(self, sm_clock_mhz: float, batch: int, kv_tokens: int, prefill_tokens: int) -> PassPower:
        """Predicted power of a pass with `batch` (> 0) requests that reads and computes so many tokens."""
        step = self.step
        slower = step.top_clock_mhz / sm_clock_mhz
        prompts_ms = prefill_tokens / step.prefill_tokens_per_ms * slower
        memory_ms = step.kv_ms * kv_tokens / step.kv_scale_tokens
        alike_ms = step.fixed_ms + step.fixed_ms_per_request * batch
        alike_ms += (step.compute_ms + step.ms_per_request * batch) * slower
        rest_ms, decoding_w = memory_ms + alike_ms, self._watts(sm_clock_mhz, batch, 0, memory_ms + alike_ms)
        prompts_w = self._watts(sm_clock_mhz, 0, prefill_tokens, prompts_ms) if prefill_tokens else 0.0
        scale = 1 / (prompts_ms + rest_ms)
        return PassPower(prompts_w * prompts_ms * scale, decoding_w * memory_ms * scale, decoding_w * alike_ms * scale)

    def _watts(self, sm_clock_mhz: float, batch: int, prefill_tokens: int, took_ms: float) -> float:
        of_pass = shares(self.step, sm_clock_mhz, batch, prefill_tokens, took_ms / 1000, self.used)
        return power_w(self.power, sm_clock_mhz, of_pass)


ASSUMED_WEIGHTS = EnergyWeights(ASSUMED_STEP, ASSUMED_POWER)
"""As long as neither model is calibrated; what is shared is measured all the same."""
