"""Predicted power of a pass by its parts: as the models of power and step time say, and in the right direction."""

import pytest

from freesh_plugin.core.power_model import ASSUMED as POWER
from freesh_plugin.core.power_model import power_w, shares
from freesh_plugin.core.step_model import ASSUMED as STEP
from freesh_plugin.core.step_model import step_s
from freesh_plugin.runtime.energy_weights import ASSUMED_WEIGHTS, PassPower


def whole_w(parts: PassPower) -> float:
    return parts.prompts_w + parts.memory_w + parts.alike_w


@pytest.mark.parametrize("mhz", [510.0, 1110.0, 1500.0])
@pytest.mark.parametrize(("batch", "kv_tokens", "prefill_tokens"), [(1, 10, 0), (64, 50_000, 0), (32, 9000, 2000)])
def test_the_parts_are_the_power_of_the_pass(mhz: float, batch: int, kv_tokens: int, prefill_tokens: int) -> None:
    took_s = step_s(STEP, mhz, batch, kv_tokens, prefill_tokens)
    power = power_w(POWER, mhz, shares(STEP, mhz, batch, prefill_tokens, took_s))  # below the cap at these clocks
    assert whole_w(ASSUMED_WEIGHTS.of(mhz, batch, kv_tokens, prefill_tokens)) == pytest.approx(power)


def test_prompts_draw_more_than_decoding_and_less_of_it_at_a_low_clock() -> None:
    decoding = ASSUMED_WEIGHTS.of(1980.0, 16, 4000, 0)
    assert decoding.prompts_w == 0
    reading = ASSUMED_WEIGHTS.of(1980.0, 16, 4000, 4000)
    assert whole_w(reading) > 1.5 * whole_w(decoding)
    assert ASSUMED_WEIGHTS.of(1110.0, 16, 4000, 0).alike_w < decoding.alike_w
    assert ASSUMED_WEIGHTS.of(1980.0, 16, 100_000, 0).memory_w > decoding.memory_w
