"""Rows of `profiling live` that a router would write which takes exactly what a step model and a power model say."""

from dataclasses import dataclass, replace

from freesh_plugin.core.power_model import HIGH, IDLE, power_w, shares
from freesh_plugin.core.step_model import StepModel, step_s
from profiling.live.counted_row import Counted, CountedRow


@dataclass(frozen=True)
class Steady:
    """A router under a steady load: every `every_s` seconds so many requests, all alike, decoded in one batch size."""

    router: str = "http://r1"
    location: str = "loc1"
    requests: int = 40
    prompt_tokens: int = 512
    answer_tokens: int = 129
    batch: int = 8
    sm_clock_mhz: float = 1980.0
    every_s: float = 60.0
    slower: float = 1.0
    thirstier: float = 1.0
    metered: bool = True

    def rows(self, looks: int = 4, step: StepModel | None = None) -> list[CountedRow]:
        """So many looks, the first at the router's start."""
        did = self._window(step or StepModel())
        return [CountedRow(1e9 + k * self.every_s, self.router, self.location, "default", _times(did, k)) for k in
                range(looks)]  # fmt: skip

    def _window(self, step: StepModel) -> Counted:
        clock, context = self.sm_clock_mhz, self.prompt_tokens + self.answer_tokens / 2
        passes = self.requests * (self.answer_tokens - 1) / self.batch
        prefill_s = step_s(step, clock, 1, 0, self.prompt_tokens)
        decode_s = step_s(step, clock, self.batch, round(self.batch * context), 0)
        prefill_w = power_w(HIGH, clock, shares(step, clock, 1, self.prompt_tokens, prefill_s))
        decode_w = power_w(HIGH, clock, shares(step, clock, self.batch, 0, decode_s))
        prefills_s, steps_s = self.requests * prefill_s * self.slower, passes * decode_s * self.slower
        idle_s = max(self.every_s - prefills_s - steps_s, 0.0)
        energy_j = prefills_s * prefill_w + steps_s * decode_w + idle_s * power_w(HIGH, 1980, IDLE)
        return Counted(
            energy_j=energy_j * self.thirstier if self.metered else None,
            requests=self.requests,
            prompt_tokens=self.requests * self.prompt_tokens,
            answer_tokens=self.requests * self.answer_tokens,
            prefill_passes=self.requests,
            joined_passes=0,
            decode_passes=passes,
            prefill_s=prefills_s,
            decode_s=steps_s,
            deadline_misses=1,
            sm_clock_mhz=clock,
        )


def _times(did: Counted, factor: int) -> Counted:
    """Counters after so many windows."""
    grown = {name: None if value is None else value * factor for name, value in vars(did).items()}
    return replace(Counted(**grown), sm_clock_mhz=did.sm_clock_mhz)
