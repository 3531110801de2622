"""How time and power of a pass change with the SM clock: what computes slows down, what reads memory does not."""

from dataclasses import dataclass

from freesh_plugin.core.power_model import PowerModel, Shares, power_w
from profiling.modelled.terms import CLOCK_SHARES, TERMS, Floats

_READING = tuple(TERMS.index(each) for each in ("weights", "kv"))


@dataclass(frozen=True)
class ClockedPass:
    """A pass whose parts and power are known at the top clock.

    Attributes:
        parts_s: Seconds of each part there.
        top_power_w: Watts of one GPU there.
        power: The power model that says how they fall with the clock.
    """

    parts_s: Floats
    top_power_w: float
    power: PowerModel

    def time_s(self, sm_clock_mhz: float) -> float:
        """Σ_k parts_k·(1 - c_k + c_k·f_top/f), c_k being the share of a part that the clock bounds."""
        slower = self.power.top_clock_mhz / sm_clock_mhz
        clocked = [CLOCK_SHARES.get(each, 0.0) for each in TERMS]
        return float(sum(s * (1 + c * (slower - 1)) for s, c in zip(self.parts_s, clocked, strict=True)))

    def power_w(self, sm_clock_mhz: float) -> float:
        """Watts of one GPU at a clock, by `core/power_model.py`.

        The share of computing at the top clock is what the power there leaves after the model's idle, clock and memory
        watts. At a clock f the same operations are spread over more time: u(f)·f·t(f) is constant.
        """
        top_mhz, time_s = self.power.top_clock_mhz, self.time_s(sm_clock_mhz)
        top_s = self.time_s(top_mhz)
        compute = min(self._top_compute() * top_mhz * top_s / (sm_clock_mhz * time_s), 1.0)
        return power_w(self.power, sm_clock_mhz, Shares(compute, self._reading_s / time_s))

    @property
    def _reading_s(self) -> float:
        return float(sum(self.parts_s[each] for each in _READING))

    def _top_compute(self) -> float:
        memory = self._reading_s / self.time_s(self.power.top_clock_mhz)
        left_w = self.top_power_w - self.power.idle_w - self.power.clock_w - self.power.memory_w * memory
        return min(max(left_w / self.power.dynamic_w, 0.0), 1.0)
