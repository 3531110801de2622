"""What a GPU draws, by SM clock and by what a pass does: one model for simulated GPU, simulated shard and simulator."""

from dataclasses import dataclass, fields
from math import isfinite

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.step_model import StepModel


@dataclass(frozen=True, slots=True)
class PowerModel:
    """Constants of the model; assumed, not measured, until a sweep calibrates them.

    P = min(cap_w, idle_w + clock_w·f/f_top + memory_w·m + dynamic_w·(f/f_top)·V(f)²·u)

    f is the SM clock, V(f) the core's voltage relative to that at the top clock (`relative_voltage`), u and m the
    shares of computing and of memory traffic (`Shares`).

    Attributes:
        idle_w: The model is loaded, nothing runs, the clock is low.
        clock_w: More than that at the top clock, with nothing to do.
        memory_w: More than that with memory traffic all the time.
        dynamic_w: More than that with all SMs computing at the top clock.
        knee_mhz: Up to here the voltage is at its lowest; with a full batch energy per token is least here.
        knee_voltage: That lowest voltage, relative to the top clock's.
        top_clock_mhz: The highest clock.
        cap_w: The power limit.
        source: Where the numbers come from, in a phrase.
    """

    idle_w: float = 70.0
    clock_w: float = 15.0
    memory_w: float = 90.0
    dynamic_w: float = 600.0
    knee_mhz: float = 1100.0
    knee_voltage: float = 0.67
    top_clock_mhz: float = 1980.0
    cap_w: float = 700.0
    source: str = "assumed: H100-like, not measured"

    def __post_init__(self) -> None:
        """Check the constants.

        Raises:
            ProfileError: one is negative or not finite, the knee not below the top clock, or a voltage out of (0, 1].
        """
        for field in fields(self)[:-1]:
            value = getattr(self, field.name)
            if not isfinite(value) or value < 0:
                raise ProfileError(f"power model: {field.name} is {value}, expected a number no less than 0")
        if not 0 < self.knee_mhz < self.top_clock_mhz:
            raise ProfileError(f"power model: knee {self.knee_mhz} MHz is not below {self.top_clock_mhz} MHz")
        if not 0 < self.knee_voltage <= 1:
            raise ProfileError(f"power model: relative voltage {self.knee_voltage}, expected above 0, at most 1")


@dataclass(frozen=True, slots=True)
class Shares:
    """What a pass uses, in [0, 1]: u of the SMs' computing, m of the memory's traffic."""

    compute: float
    memory: float


@dataclass(frozen=True, slots=True)
class ShareModel:
    """What a pass uses; assumed, not measured.

        u_p = prefill time at this clock / pass time      u = u_p + (1 - u_p)·(decode_compute + compute_per_request·b)
        b = requests that decode, u within [0, 1]         m = prefill_memory·u_p + decode_memory·(1 - u_p)

    A prefill computes all the time and uses half of the memory's traffic; decoding uses nine tenths of it, and of the
    SMs what its batch needs.
    """

    decode_compute: float = 0.18
    compute_per_request: float = 0.22 / 64
    prefill_memory: float = 0.5
    decode_memory: float = 0.9


ASSUMED_SHARES = ShareModel()
"""Shares as they are until they are calibrated."""

IDLE = Shares(0.0, 0.0)
"""Nothing runs."""

LOW = PowerModel(knee_mhz=840.0, source="assumed: H100-like, least energy at the lowest published clock")
MID = PowerModel(knee_mhz=975.0, source="assumed: H100-like, least energy midway")
HIGH = PowerModel(source="assumed: H100-like, least energy at the highest published clock")
VARIANTS = {"low": LOW, "mid": MID, "high": HIGH}
"""H100-like models whose clock of least energy brackets the published optima, 840 to 1,110 MHz of 1,980.

They differ in where the voltage begins to rise. `high` has the constants of the reference simulation: 760 W before the
cap with everything busy at the top clock, V = .67 up to 1,100 MHz.
"""

_A100 = "assumed: A100-like, constants scaled from the H100-like model by board power (400 of 700 W)"
A100_VARIANTS = {
    name: PowerModel(55.0, 9.0, 51.0, 343.0, knee_mhz, 0.67, 1410.0, 400.0, _A100)
    for name, knee_mhz in (("low", 810.0), ("mid", 900.0), ("high", 1005.0))
}
"""A100-like models whose clock of least energy brackets the published optima, 810 to 1,005 MHz of 1,410."""

ASSUMED = HIGH
"""The model as it is until it is calibrated."""


def relative_voltage(model: PowerModel, sm_clock_mhz: float) -> float:
    """V(f): the lowest voltage up to the knee, from there linear to 1 at the top clock."""
    above = (sm_clock_mhz - model.knee_mhz) / (model.top_clock_mhz - model.knee_mhz)
    return model.knee_voltage + (1 - model.knee_voltage) * min(max(above, 0.0), 1.0)


def shares(
    step: StepModel,
    sm_clock_mhz: float,
    batch: int,
    prefill_tokens: int,
    pass_s: float,
    model: ShareModel = ASSUMED_SHARES,
) -> Shares:
    """Shares of a pass of `pass_s` seconds (> 0): `batch` requests decode, so many prompt tokens are computed."""
    prefill_s = prefill_tokens / step.prefill_tokens_per_ms / 1000 * step.top_clock_mhz / sm_clock_mhz
    prefilling = min(prefill_s / pass_s, 1.0)
    decoding = 1 - prefilling
    compute = prefilling + decoding * (model.decode_compute + model.compute_per_request * batch)
    return Shares(min(max(compute, 0.0), 1.0), model.prefill_memory * prefilling + model.decode_memory * decoding)


def wanted_w(model: PowerModel, sm_clock_mhz: float, used: Shares) -> float:
    """Watts before the cap; where they exceed it, a real GPU lowers its clock and says so."""
    clock = sm_clock_mhz / model.top_clock_mhz
    dynamic_w = model.dynamic_w * clock * relative_voltage(model, sm_clock_mhz) ** 2 * used.compute
    return model.idle_w + model.clock_w * clock + model.memory_w * used.memory + dynamic_w


def power_w(model: PowerModel, sm_clock_mhz: float, used: Shares) -> float:
    """Watts at this clock with these shares in use, at most the cap."""
    return min(wanted_w(model, sm_clock_mhz, used), model.cap_w)
