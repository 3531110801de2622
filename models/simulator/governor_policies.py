"""What sets the clock in the simulation: the live governor, and rules that it is compared with.

The rules see the same pressure as the governor; their constants are the best of a grid on seeds 0-5, those of least
energy within the bounds on violations.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from freesh_plugin.core.gpu import GpuReading
from freesh_plugin.core.miad import rounded_down, rounded_up
from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.core.power_model import PowerModel, relative_voltage
from freesh_plugin.runtime.governor import Governor
from freesh_plugin.runtime.governor_settings import GovernorSettings
from freesh_plugin.runtime.governor_signals import Applied, GovernorSignals
from freesh_plugin.runtime.pressure import PressureGauge


@dataclass(frozen=True, slots=True)
class Range:
    """Clocks that can be set: a supported list, of which those from floor to ceiling may be used, MHz."""

    supported_mhz: tuple[int, ...]
    floor_mhz: int
    ceiling_mhz: int

    def nearest(self, mhz: float) -> int:
        """The supported clock within the bounds that `mhz` becomes, rounded down."""
        return rounded_down(self.supported_mhz, min(max(mhz, self.floor_mhz), self.ceiling_mhz))


class ClockPolicy(Protocol):
    """Sets the clock once a tick."""

    def tick(self, now_s: float, signals: GovernorSignals) -> int:
        """The clock from now on, MHz."""
        ...


class Governed:
    """The governor as it runs in the live router; the simulated GPU does as it is told."""

    def __init__(self, settings: GovernorSettings, clocks: Range, slo: Slo) -> None:
        """Bounds come as those of a plan."""
        self._governor = Governor(settings, clocks.supported_mhz)
        self._governor.adopt(slo, ClockBounds(clocks.floor_mhz, clocks.ceiling_mhz))
        self._clock_mhz = clocks.ceiling_mhz
        self._applied: Applied | None = None

    def tick(self, now_s: float, signals: GovernorSignals) -> int:
        """The clock that the governor decides on."""
        reading = GpuReading(now_s, None, None, self._clock_mhz)
        decision = self._governor.tick(now_s, replace(signals, readings=(reading,), applied=self._applied))
        self._applied = None
        if decision.target_mhz is not None:
            self._clock_mhz, self._applied = decision.target_mhz, Applied(decision.target_mhz)
        return self._clock_mhz


@dataclass
class Static:
    """One clock."""

    clock_mhz: int

    def tick(self, now_s: float, signals: GovernorSignals) -> int:
        """That clock."""
        return self.clock_mhz


@dataclass
class Scheduled:
    """Clocks that were decided before: one for each block of so many seconds."""

    clocks_mhz: Sequence[int]
    block_s: float

    def tick(self, now_s: float, signals: GovernorSignals) -> int:
        """The block's clock."""
        return self.clocks_mhz[min(int((now_s + _ROUNDING_S) / self.block_s), len(self.clocks_mhz) - 1)]


@dataclass
class Aimd:
    """Additive increase, multiplicative decrease: the other way round."""

    clocks: Range
    slo: Slo
    gauge: PressureGauge
    headroom: float = 0.8
    dead_band: float = 0.1
    up_mhz: float = 360.0
    down: float = 0.85
    _mhz: float = field(init=False)

    def __post_init__(self) -> None:
        self._mhz = float(self.clocks.ceiling_mhz)

    def tick(self, now_s: float, signals: GovernorSignals) -> int:
        """More by a step above the headroom, less by a factor below the dead band."""
        self.gauge.observe(now_s, signals)
        pressure = self.gauge.pressure(self.slo)
        if pressure > self.headroom:
            self._mhz = self.clocks.nearest(rounded_up(self.clocks.supported_mhz, self._mhz + self.up_mhz))
        elif pressure < self.headroom - self.dead_band:
            self._mhz = self.clocks.nearest(self._mhz * self.down)
        return int(self._mhz)


@dataclass
class Pid:
    """Proportional, integral, differential control of r to a set point, with the integral held at the bounds."""

    clocks: Range
    slo: Slo
    gauge: PressureGauge
    set_point: float = 0.7
    proportional_mhz: float = 750.0
    integral_mhz: float = 600.0
    differential_mhz: float = 0.0
    _integral_mhz: float = field(init=False)
    _error: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._integral_mhz = float(self.clocks.ceiling_mhz)

    def tick(self, now_s: float, signals: GovernorSignals) -> int:
        """The sum of the three parts, on the list."""
        self.gauge.observe(now_s, signals)
        error = min(self.gauge.pressure(self.slo), 2.0) - self.set_point
        held_mhz = self._integral_mhz + self.integral_mhz * error
        self._integral_mhz = min(max(held_mhz, self.clocks.floor_mhz), self.clocks.ceiling_mhz)
        change, self._error = error - self._error, error
        return self.clocks.nearest(self._integral_mhz + self.proportional_mhz * error + self.differential_mhz * change)


@dataclass
class PressurePrice:
    """The primal-dual rule on r: price l <- [l + k_r·(r - h)]+, f <- clip[f + k_f·(l - P'(f)/P'(floor))].

    Capacity is taken as linear in f, so that C' is a constant and part of the price; P is that of computing, f·V(f)².
    """

    clocks: Range
    slo: Slo
    gauge: PressureGauge
    power: PowerModel
    set_point: float = 0.7
    price_gain: float = 4.0
    clock_gain_mhz: float = 300.0
    _price: float = 1.0
    _mhz: float = field(init=False)

    def __post_init__(self) -> None:
        self._mhz = float(self.clocks.ceiling_mhz)

    def tick(self, now_s: float, signals: GovernorSignals) -> int:
        """One step of price and clock."""
        self.gauge.observe(now_s, signals)
        pressure = min(self.gauge.pressure(self.slo), 2.0)
        self._price = min(max(0.0, self._price + self.price_gain * (pressure - self.set_point)), 10.0)
        moved_mhz = self._mhz + self.clock_gain_mhz * (self._price - self._marginal_power())
        self._mhz = min(max(moved_mhz, self.clocks.floor_mhz), self.clocks.ceiling_mhz)
        return self.clocks.nearest(self._mhz)

    def _marginal_power(self) -> float:
        """Rise of f·V(f)² at the clock, relative to that below the knee."""
        lower, upper = (mhz * relative_voltage(self.power, mhz) ** 2 for mhz in (self._mhz - 1.0, self._mhz + 1.0))
        return (upper - lower) / 2 / self.power.knee_voltage**2


_ROUNDING_S = 1e-6
