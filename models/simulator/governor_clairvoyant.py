"""A clock schedule by someone who knows the whole trace: how much is left to be saved.

Found by local search, so what it saves is what can be saved at least: a better schedule may exist, and no policy that
does not know the future can be expected to find it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.simulator.governor_model import GovernedEngine, Instance
from models.simulator.governor_policies import Range
from models.simulator.governor_workload import DURATION_S, Trace

BLOCK_S = 5.0
"""The clock is constant so long."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Most requests with a late first token, and most late tokens, that a schedule may have in a run."""

    ttft_misses: int
    tbt_misses: int


def clairvoyant_mhz(instance: Instance, trace: Trace, clocks: Range, allowed: tuple[float, float]) -> list[int]:
    """A clock for each block: little energy, with at most `allowed` more violations than the highest clock has.

    Args:
        instance: What serves.
        trace: What comes, all of it known.
        clocks: What may be set.
        allowed: Shares of requests and of tokens that may be late beyond those that are at the highest clock.
    """
    blocks = int(DURATION_S / BLOCK_S)
    top = _run(instance, trace, [clocks.ceiling_mhz] * blocks)
    late, requests = top.ttft_counts()
    budget = Budget(late + int(allowed[0] * requests), top.tbt_misses + int(allowed[1] * top.tokens))
    schedule = [clocks.floor_mhz] * blocks
    for price_j in _PRICES_J:
        schedule = _Search(instance, trace, clocks, price_j).improved(schedule, _SWEEPS)
        if _within(_run(instance, trace, schedule), budget):
            return schedule
    # A single block that is raised may bring nothing where several would: so from above.
    highest = [clocks.ceiling_mhz] * blocks
    schedule = _Search(instance, trace, clocks, _PRICES_J[-1]).improved(highest, 2 * _SWEEPS)
    return schedule if _within(_run(instance, trace, schedule), budget) else highest


class _Search:
    """Goes through a schedule block by block, trying other clocks, at a price for each violation."""

    def __init__(self, instance: Instance, trace: Trace, clocks: Range, price_j: float) -> None:
        self._instance, self._trace, self._clocks, self._price_j = instance, trace, clocks, price_j

    def improved(self, schedule: list[int], sweeps: int) -> list[int]:
        """The schedule after so many sweeps."""
        for _ in range(sweeps):
            schedule = self._swept(schedule)
        return schedule

    def _swept(self, schedule: Sequence[int]) -> list[int]:
        """A schedule that costs no more, as far as `_HORIZON_BLOCKS` ahead tell."""
        better, engine = list(schedule), GovernedEngine(self._instance, self._trace)
        for block, mhz in enumerate(schedule):
            tried = {self._clocks.nearest(mhz + move_mhz) for move_mhz in _MOVES_MHZ}
            better[block] = min(sorted(tried), key=lambda each: self._cost(engine, better, block, each))
            engine.advance((block + 1) * BLOCK_S, better[block])
            engine.news()
        return better

    def _cost(self, start: GovernedEngine, schedule: Sequence[int], block: int, mhz: int) -> float:
        engine = start.copy()
        engine.advance((block + 1) * BLOCK_S, mhz)
        for ahead in range(block + 1, min(block + _HORIZON_BLOCKS, len(schedule))):
            engine.advance((ahead + 1) * BLOCK_S, schedule[ahead])
        if block + _HORIZON_BLOCKS >= len(schedule):
            engine.advance(_TO_THE_END_S, schedule[-1])
        late = engine.ttft_counts()[0] + engine.tbt_misses / _TOKENS_A_REQUEST
        return engine.energy_j + self._price_j * late - _LATER_W * self._work_s(engine)

    def _work_s(self, engine: GovernedEngine) -> float:
        """What is done so far, in seconds: what is not must be done later, and costs then."""
        step = self._instance.step
        decoding_ms = engine.tokens * step.fixed_ms / _USUAL_BATCH
        return (engine.prompt_tokens / step.prefill_tokens_per_ms + decoding_ms) / 1000


def _run(instance: Instance, trace: Trace, schedule: Sequence[int]) -> GovernedEngine:
    engine = GovernedEngine(instance, trace)
    for block, mhz in enumerate(schedule):
        engine.advance((block + 1) * BLOCK_S, mhz)
    engine.advance(_TO_THE_END_S, schedule[-1])
    return engine


def _within(engine: GovernedEngine, budget: Budget) -> bool:
    return engine.ttft_counts()[0] <= budget.ttft_misses and engine.tbt_misses <= budget.tbt_misses


_PRICES_J = (30.0, 100.0, 300.0, 1000.0)
_SWEEPS = 3
_HORIZON_BLOCKS = 6
_MOVES_MHZ = (-240.0, -90.0, 0.0, 90.0, 240.0)
_TOKENS_A_REQUEST = 250.0
_LATER_W = 250.0
_USUAL_BATCH = 80.0
_TO_THE_END_S = 10 * DURATION_S
