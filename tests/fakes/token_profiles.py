"""Token-level profiles by formula, for tests that reckon with them by hand."""

from collections.abc import Callable
from dataclasses import dataclass

from freesh_plugin.core.profile import Basis, TokenLimits


@dataclass(frozen=True)
class FormulaProfile:
    """A `TokenProfile` of functions; the clock is of no account."""

    prefill: Callable[[float], float]
    step: Callable[[float, float], float]
    limits: TokenLimits
    prefill_w: float = 1000.0
    step_w: Callable[[float], float] = lambda batch: 500.0
    sm_clocks_mhz: tuple[float, ...] = ()

    def prefill_s(self, prompt_tokens: float, sm_clock_mhz: float | None = None) -> float:
        return self.prefill(prompt_tokens)

    def prefill_power_w(self, prompt_tokens: float, sm_clock_mhz: float | None = None) -> float:
        return self.prefill_w

    def decode_step_s(self, batch: float, context_tokens: float, sm_clock_mhz: float | None = None) -> float:
        return self.step(batch, context_tokens)

    def decode_power_w(self, batch: float, context_tokens: float, sm_clock_mhz: float | None = None) -> float:
        return self.step_w(batch)


def limits(
    max_batch: int = 128, kv_tokens: int = 10**9, idle_power_w: float = 300.0, chunked: bool = False
) -> TokenLimits:
    """Limits of a modelled profile; prompts are computed alone unless said otherwise."""
    return TokenLimits(max_batch, kv_tokens, idle_power_w, None, Basis.MODELLED, chunked)
