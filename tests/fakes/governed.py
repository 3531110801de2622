"""Signals and an obedient GPU for tests of the governor."""

from dataclasses import dataclass, field, replace
from typing import Any

from freesh_plugin.core.gpu import ClockReason, GpuFailure, GpuReading
from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.runtime.governor import Governor
from freesh_plugin.runtime.governor_settings import GovernorSettings
from freesh_plugin.runtime.governor_signals import Applied, ClockDecision, GovernorSignals

H100 = tuple(range(345, 1981, 15))
NO_REASON = ClockReason(0)
SLO = Slo(latency_s=0.0, ttft_s=2.0, tbt_s=0.1)
CALM = GovernorSignals(at_s=0.0, tbt_s=(0.03,) * 30, ttft_s=(0.2,) * 3, waiting_age_s=0.0, running=20, waiting=0)
"""r = .85 · .03 / .1, far below any headroom."""


@dataclass
class GovernedGpus:
    """A governor and GPUs that do as they are told, tick by tick of one second.

    Attributes:
        governor: Under test.
        now_s: Time of the next tick.
        clock_mhz: What the GPUs run at.
        calls: What they were told: clocks, and None for a release.
        reasons: What they give as the reason for their clock.
        failure: How telling them fails; None = it does not.
        ranks: How many there are.
    """

    governor: Governor
    now_s: float = 100.0
    clock_mhz: int = 1980
    calls: list[int | None] = field(default_factory=list)
    reasons: ClockReason = NO_REASON
    failure: GpuFailure | None = None
    ranks: int = 1
    mig: bool = False
    _applied: Applied | None = None

    def tick(self, signals: GovernorSignals = CALM, **changes: Any) -> ClockDecision:
        """One tick with fresh telemetry and readings; `changes` to the signals override them."""
        reading = GpuReading(self.now_s, 300.0, 1000.0, self.clock_mhz, self.reasons, self.mig)
        told = replace(signals, at_s=self.now_s, readings=(reading,) * self.ranks, applied=self._applied)
        decision = self.governor.tick(self.now_s, replace(told, **changes))
        self._carry_out(decision)
        self.now_s += 1.0
        return decision

    def ticks(self, count: int, signals: GovernorSignals = CALM, **changes: Any) -> ClockDecision:
        """Several alike; the last decision."""
        decisions = [self.tick(signals, **changes) for _ in range(count)]
        return decisions[-1]

    def _carry_out(self, decision: ClockDecision) -> None:
        self._applied = None
        if decision.target_mhz is None and not decision.release:
            return
        self.calls.append(decision.target_mhz)
        self._applied = Applied(decision.target_mhz, self.failure)
        if self.failure is None:
            self.clock_mhz = 1980 if decision.target_mhz is None else decision.target_mhz


def governed(
    settings: GovernorSettings | None = None,
    *,
    supported: tuple[int, ...] = H100,
    floor: int | None = 1110,
    ceiling: int | None = 1980,
    ranks: int = 1,
) -> GovernedGpus:
    """A governor with an SLO and bounds, and its GPUs."""
    governor = Governor(settings or GovernorSettings(), supported)
    governor.adopt(SLO, ClockBounds(floor, ceiling))
    return GovernedGpus(governor, ranks=ranks)
