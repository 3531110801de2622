"""How long a forward pass takes, by batch, memory read and clock: one model for simulated shard, GPU and simulator."""

from dataclasses import dataclass, fields
from math import isfinite

from freesh_plugin.core.errors import ProfileError


@dataclass(frozen=True, slots=True)
class StepModel:
    """Constants of the model; the defaults are assumed (H100-like), not measured, until a sweep calibrates them.

    step_ms = fixed_ms + fixed_ms_per_request · batch + kv_ms · kv_tokens / kv_scale_tokens
              + (compute_ms + ms_per_request · batch + prefill_tokens / prefill_tokens_per_ms) · top_clock_mhz / f

    What reads memory (weights, KV) or waits for the processor and the links between GPUs does not depend on the SM
    clock f; what computes is inversely proportional to it.

    Attributes:
        fixed_ms: Reading the weights once.
        kv_ms: Reading `kv_scale_tokens` tokens of KV memory.
        kv_scale_tokens: Tokens for which `kv_ms` is told.
        compute_ms: Computing that every pass has, at the top clock.
        ms_per_request: Computing for each request that decodes, at the top clock.
        prefill_tokens_per_ms: Prompt tokens computed in a millisecond at the top clock.
        top_clock_mhz: The SM clock at which these were told.
        source: Where the numbers come from, in a phrase.
        fixed_ms_per_request: What each request that decodes adds at any clock.
    """

    fixed_ms: float = 9.0
    kv_ms: float = 9.0
    kv_scale_tokens: float = 200_000.0
    compute_ms: float = 2.5
    ms_per_request: float = 0.045
    prefill_tokens_per_ms: float = 13.0
    top_clock_mhz: float = 1980.0
    source: str = "assumed: H100-like, not measured"
    fixed_ms_per_request: float = 0.0

    def __post_init__(self) -> None:
        """Check the constants.

        Raises:
            ProfileError: one is negative, not finite, or 0 where it divides.
        """
        divisors = ("kv_scale_tokens", "prefill_tokens_per_ms", "top_clock_mhz")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "source":
                continue
            if not isfinite(value) or value < 0 or (value == 0 and field.name in divisors):
                raise ProfileError(f"step model: {field.name} is {value}, expected a number above 0")


ASSUMED = StepModel()
"""The model as it is until it is calibrated."""


def step_s(model: StepModel, sm_clock_mhz: float, batch: int, kv_tokens: int, prefill_tokens: int) -> float:
    """Seconds that a forward pass takes.

    Args:
        model: Constants.
        sm_clock_mhz: The SM clock during the pass, above 0.
        batch: Requests that get a token in it.
        kv_tokens: Tokens in the KV memory that it reads, over all requests.
        prefill_tokens: Prompt tokens that it computes.

    Raises:
        ProfileError: the clock is not above 0, or a count is below 0.
    """
    if not (isfinite(sm_clock_mhz) and sm_clock_mhz > 0):
        raise ProfileError(f"SM clock is {sm_clock_mhz} MHz, expected a number above 0")
    if min(batch, kv_tokens, prefill_tokens) < 0:
        raise ProfileError(
            f"batch {batch}, KV tokens {kv_tokens}, prefill tokens {prefill_tokens}: none may be below 0"
        )
    reading_ms = model.fixed_ms + model.fixed_ms_per_request * batch + model.kv_ms * kv_tokens / model.kv_scale_tokens
    computing_ms = model.compute_ms + model.ms_per_request * batch + prefill_tokens / model.prefill_tokens_per_ms
    return (reading_ms + computing_ms * model.top_clock_mhz / sm_clock_mhz) / 1000
