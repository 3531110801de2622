"""The least that a token of work takes of an instance: joules above parked GPUs, and seconds, by clock and batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from freesh_plugin.core.power_model import Shares, power_w
from freesh_plugin.core.step_model import step_s
from models.domain.engine import EngineModel

CLOCK_RANGES = 5
"""Into so many ranges the clocks that can be set are parted."""

_MILLISECOND = 1e-3


@dataclass(frozen=True)
class Rate:
    """What one token of one kind of work takes at least, in a range of clocks and batch sizes.

    Attributes:
        energy_j: Joules above parked, all GPUs of the instance: the least in the range.
        seconds: Of the instance: the least in the range.
        least_batch: Smallest batch of the range; 1 for prompts.
        least_clock_mhz: Lowest clock of the range.
    """

    energy_j: float
    seconds: float
    least_batch: int
    least_clock_mhz: float


@lru_cache(maxsize=256)
def prefill_rates(engine: EngineModel, parked_w: float) -> tuple[Rate, ...]:
    """A prompt token: it computes all the time; what a pass takes besides is charged to decoding.

    A pass of c prompt tokens and b requests takes T = Tp + Td, Tp what the prompt tokens add; the shares that it uses
    are those of prefill and of decoding weighed by Tp and Td, and watts are concave in them (a line, cut off at the
    cap and where all SMs are busy): so it draws no less than Tp·P(prefill) + Td·P(decoding), counted apart here.
    """
    rates = []
    for clocks in _clock_ranges(engine):
        found = [(s, s * _above_w(engine, parked_w, f, _prefilling(engine))) for f, s in _prefill_s(engine, clocks)]
        rates.append(Rate(min(j for _, j in found), min(s for s, _ in found), 1, clocks[0]))
    return tuple(rates)


@lru_cache(maxsize=256)
def decode_rates(engine: EngineModel, parked_w: float) -> tuple[tuple[Rate, ...], tuple[Rate, ...]]:
    """A token of an answer, and a token of context that is read for one.

    With b in the batch a token takes (what every pass takes)/b and its own; so joules a token are neither rising nor
    falling in b, and every b of a range is looked at.
    """
    tokens, contexts = [], []
    kv_s = _MILLISECOND * engine.step.kv_ms / engine.step.kv_scale_tokens
    for clocks in _clock_ranges(engine):
        for batches in _batch_ranges(engine.max_batch):
            least_j = least_s = least_w = float("inf")
            for clock_mhz in clocks:
                for batch in batches:
                    above_w = _above_w(engine, parked_w, clock_mhz, _decoding(engine, batch))
                    seconds = step_s(engine.step, clock_mhz, batch, 0, 0) / batch
                    least_j, least_s = min(least_j, seconds * above_w), min(least_s, seconds)
                    least_w = min(least_w, above_w)
            tokens.append(Rate(least_j, least_s, batches[0], clocks[0]))
            contexts.append(Rate(kv_s * least_w, kv_s, batches[0], clocks[0]))
    return tuple(tokens), tuple(contexts)


def _prefill_s(engine: EngineModel, clocks: Sequence[int]) -> Iterator[tuple[int, float]]:
    step = engine.step
    for clock_mhz in clocks:
        yield clock_mhz, _MILLISECOND * step.top_clock_mhz / clock_mhz / step.prefill_tokens_per_ms


def _prefilling(engine: EngineModel) -> Shares:
    return Shares(1.0, engine.shares.prefill_memory)


def _decoding(engine: EngineModel, batch: int) -> Shares:
    shares = engine.shares
    return Shares(min(shares.decode_compute + shares.compute_per_request * batch, 1.0), shares.decode_memory)


def _above_w(engine: EngineModel, parked_w: float, sm_clock_mhz: float, used: Shares) -> float:
    return engine.gpus * max(power_w(engine.power, sm_clock_mhz, used) - parked_w, 0.0)


def _clock_ranges(engine: EngineModel) -> list[tuple[int, ...]]:
    clocks = engine.clocks_mhz
    size = -(-len(clocks) // CLOCK_RANGES)
    return [clocks[first : first + size] for first in range(0, len(clocks), size)]


def _batch_ranges(most: int) -> list[range]:
    """1, 2-3, 4-7, … up to the largest."""
    return [range(1 << k, min(1 << k + 1, most + 1)) for k in range(most.bit_length())]
