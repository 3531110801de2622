"""One run of the governor's simulation: a policy serves ten minutes of arrivals to the last token, and is scored."""

from dataclasses import dataclass
from itertools import pairwise

from freesh_plugin.core.plan import Slo
from freesh_plugin.runtime.governor_settings import GovernorSettings
from freesh_plugin.runtime.governor_signals import GovernorSignals
from freesh_plugin.runtime.pressure import PressureGauge
from models.simulator.governor_model import GovernedEngine, Instance
from models.simulator.governor_policies import ClockPolicy
from models.simulator.governor_workload import DURATION_S, Trace

TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class GovernorScores:
    """How a run went.

    Attributes:
        energy_j: Of the GPU, until the last token or the end of the ten minutes: the work is the same for all policies.
        ttft_violation: Share of requests whose first token came later than the SLO.
        tbt_violation: Share of tokens that came later after the one before than the SLO.
        changes_per_min: Changes of the clock a minute.
        recovery_ticks: Most ticks in a row with r (`PressureGauge`) above the headroom and the clock below the ceiling.
    """

    energy_j: float
    ttft_violation: float
    tbt_violation: float
    changes_per_min: float
    recovery_ticks: int


def slo_of(instance: Instance) -> Slo:
    """What the instance promises; there is no bound on latency."""
    return Slo(latency_s=0.0, ttft_s=instance.ttft_s, tbt_s=instance.tbt_s)


def serve(instance: Instance, trace: Trace, policy: ClockPolicy, ceiling_mhz: int) -> tuple[GovernorScores, list[int]]:
    """Scores of a run, and the clock of every tick. The clock is at the ceiling until the first tick."""
    engine, gauge, slo = GovernedEngine(instance, trace), PressureGauge(GovernorSettings()), slo_of(instance)
    headroom = GovernorSettings().rule.headroom
    clocks_mhz: list[int] = []
    clock_mhz, at_risk, recovery_ticks = ceiling_mhz, 0, 0
    tick = 0
    while not engine.finished or engine.now_s < DURATION_S:
        now_s = tick * TICK_S
        told = engine.news()
        signals = GovernorSignals(
            now_s, tuple(told.tbt_s), tuple(told.ttft_s), engine.waiting_age_s, engine.running, engine.waiting
        )
        gauge.observe(now_s, signals)
        before_mhz, clock_mhz = clock_mhz, policy.tick(now_s, signals)
        at_risk = at_risk + 1 if gauge.pressure(slo) > headroom and clock_mhz < ceiling_mhz else 0
        recovery_ticks = max(recovery_ticks, at_risk)
        if clock_mhz > before_mhz:
            gauge.clock_raised()
        clocks_mhz.append(clock_mhz)
        engine.advance(now_s + TICK_S, clock_mhz)
        tick += 1
    return _scores(engine, clocks_mhz, recovery_ticks), clocks_mhz


def _scores(engine: GovernedEngine, clocks_mhz: list[int], recovery_ticks: int) -> GovernorScores:
    changes = sum(a != b for a, b in pairwise(clocks_mhz))
    late, requests = engine.ttft_counts()
    return GovernorScores(
        energy_j=engine.energy_j,
        ttft_violation=late / max(requests, 1),
        tbt_violation=engine.tbt_misses / max(engine.tokens, 1),
        changes_per_min=changes / (len(clocks_mhz) * TICK_S / 60),
        recovery_ticks=recovery_ticks,
    )
