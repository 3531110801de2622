"""How long the governor takes to decide, under load, beside the calibration line.

Cell `governor_decision`: an hour of ticks under MIAD with what a busy instance tells each second: 50 passes, 8 first
tokens, one reading a rank of four, 60 answers of which half are in the second half of
their time, and 8 first tokens that are due.

Usage: python -m bench.governor_decision
"""

import random
import sys
import time

from bench.governor import GOVERNOR_CODE
from bench.record import ROOT, calibration_us, is_current, record
from freesh_plugin.core.gpu import GpuReading
from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.runtime.governor import Governor
from freesh_plugin.runtime.governor_settings import GovernorSettings
from freesh_plugin.runtime.governor_signals import AnswerDue, Applied, Dues, FirstTokenDue, GovernorSignals

NAME = "governor_decision"
TICKS, PASSES, FIRST_TOKENS, RANKS, ANSWERS, FIRSTS = 3600, 50, 8, 4, 60, 8
LIMIT_P50_US = 50.0
CODE = [*GOVERNOR_CODE, ROOT / "bench" / "governor_decision.py"]


def times_us() -> list[float]:
    """Times of every tick, in microseconds."""
    draw, governor = random.Random(1), Governor(GovernorSettings(), range(345, 1981, 15))
    governor.adopt(Slo(latency_s=0.0, ttft_s=2.0, tbt_s=0.1), ClockBounds(1110, 1980))
    clock_mhz, applied, times = 1980, None, []
    for tick in range(TICKS):
        now_s = float(tick)
        signals = GovernorSignals(
            at_s=now_s,
            tbt_s=tuple(draw.uniform(0.01, 0.02) * 1980 / clock_mhz for _ in range(PASSES)),
            ttft_s=tuple(draw.expovariate(2.0) for _ in range(FIRST_TOKENS)),
            waiting_age_s=draw.uniform(0, 1),
            running=60,
            waiting=draw.randrange(4),
            dues=Dues(
                tuple(
                    AnswerDue(draw.uniform(5, 25), draw.uniform(5, 25), draw.uniform(1, 500)) for _ in range(ANSWERS)
                ),
                tuple(FirstTokenDue(draw.uniform(0.5, 2), draw.uniform(0, 0.4), joined=False) for _ in range(FIRSTS)),
            ),
            readings=(GpuReading(now_s, 400.0, 400.0 * tick, clock_mhz),) * RANKS,
            applied=applied,
        )
        start = time.perf_counter()
        decision = governor.tick(now_s, signals)
        times.append((time.perf_counter() - start) * 1e6)
        applied = None if decision.target_mhz is None else Applied(decision.target_mhz)
        clock_mhz = decision.target_mhz or clock_mhz
    return times


def main() -> int:
    """Measure and record; 1 if the median is above the limit."""
    if is_current(NAME, [], CODE):
        sys.stdout.write(f"{NAME}: unchanged\n")
        return 0
    line = calibration_us()
    times = sorted(times_us())
    results = {
        "p50_us": round(times[len(times) // 2], 1),
        "p99_us": round(times[int(0.99 * len(times))], 1),
        "limit_p50_us": LIMIT_P50_US,
        "calibration_sort_1000_floats_us": line,
    }
    record(NAME, command="python -m bench.governor_decision", inputs=[], code=CODE, results=results)
    sys.stdout.write(f"{NAME}: p50 {results['p50_us']} us, p99 {results['p99_us']} us\n")
    return 0 if times[len(times) // 2] <= LIMIT_P50_US else 1


if __name__ == "__main__":
    raise SystemExit(main())
