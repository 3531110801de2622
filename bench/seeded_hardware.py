"""Synthetic GPU types, and what an instance of a mode does for a class: plausible proportions, invented numbers."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

from freesh_plugin.core.request import Partition
from models.domain.scenario import Mode, Profile, ServiceLevel

_PROMPT = NormalDist(math.log(800.0), 1.2)
_ANSWER = NormalDist(math.log(250.0), 0.9)
"""Assumed: logarithms of prompt and answer tokens; independent."""
_PREFILL_TPS, _DECODE_TPS = 8_000.0, 1_500.0
"""Assumed: tokens per second that one A100 prefills and, over a full batch, decodes of a model of size 1."""
_BATCH = 40.0
"""Assumed: requests that an instance decodes at once."""
_MEMORY_GIB = 16.0
"""Assumed: weights and cache of a model of size 1."""
_TOP_CLOCK_MHZ = 1_980
_VARIANTS = ((1, 1.0), (2, 1.0), (4, 1.0), (8, 1.0), (4, 0.7), (8, 0.7), (2, 0.7), (1, 0.7))
"""Tensor parallelism and clock ceiling, as a share of the highest clock, in the order that modes are taken."""


@dataclass(frozen=True)
class GpuType:
    """A GPU type: speed relative to an A100, memory, and watts at full load and parked."""

    name: str
    speed: float
    memory_gib: float
    full_w: float
    parked_w: float


GPU_TYPES = (
    GpuType("A100", 1.0, 80.0, 400.0, 55.0),
    GpuType("H100", 2.0, 80.0, 700.0, 70.0),
    GpuType("L40S", 0.6, 48.0, 350.0, 35.0),
    GpuType("A10", 0.25, 24.0, 150.0, 16.0),
    GpuType("H200", 2.4, 141.0, 700.0, 75.0),
    GpuType("MI300X", 2.1, 192.0, 750.0, 100.0),
    GpuType("L4", 0.2, 24.0, 72.0, 12.0),
    GpuType("B200", 4.0, 192.0, 1000.0, 90.0),
)
"""Of the order of data sheets; speeds and parked watts are assumed."""


@dataclass(frozen=True)
class LengthClass:
    """A class: its share of all requests, and its typical tokens."""

    name: str
    share: float
    prompt_tokens: float
    answer_tokens: float


@dataclass(frozen=True)
class Variant:
    """A mode and what it is made of; `clock` is its ceiling as a share of the highest."""

    mode: Mode
    gpu: GpuType
    gpus: int
    clock: float

    @property
    def speed(self) -> float:
        """Of the whole instance, relative to one A100: GPUs^0.9 as links cost something, and clock^0.4."""
        return float(self.gpus**0.9 * self.gpu.speed * self.clock**0.4)

    @property
    def full_w(self) -> float:
        """Watts at full load; under a ceiling of 70 % of the clock about 70 % of what is above parked."""
        return self.gpus * (self.gpu.parked_w + (self.gpu.full_w - self.gpu.parked_w) * self.clock)


def variants(modes: int, gpu_types: int) -> list[Variant]:
    """So many modes over so many types: tensor parallelism 1, 2, 4, 8, then 4, 8, 2, 1 under a clock ceiling."""
    found = []
    for gpu in GPU_TYPES[:gpu_types]:
        for gpus, clock in _VARIANTS[: modes // gpu_types]:
            name = f"TP{gpus}x{gpu.name}" + ("" if clock == 1.0 else "-low")
            ceiling = None if clock == 1.0 else round(_TOP_CLOCK_MHZ * clock)
            mode = Mode(name, {gpu.name: gpus}, ceiling, startup_s=60.0 + 15 * gpus, startup_energy_j=2e4 * gpus)
            found.append(Variant(mode, gpu, gpus, clock))
    return found


def length_partition(q: int, side: int) -> Partition:
    """The q-th partition of prompts x answers into side x side classes; each cuts elsewhere."""
    cuts = _cuts(q, side)
    names = tuple(f"P{i}A{j}" for i in range(side) for j in range(side))
    prompt, answer = (tuple(round(math.exp(law.inv_cdf(p))) for p in cuts) for law in (_PROMPT, _ANSWER))
    return Partition(f"q{q}", names, prompt, answer)


def length_classes(q: int, side: int) -> list[LengthClass]:
    """Its classes; a class's typical request is its median."""
    edges = [0.0, *_cuts(q, side), 1.0]
    spans = list(pairwise(edges))
    return [
        LengthClass(
            f"P{i}A{j}", (b - a) * (d - c), _tokens(_PROMPT, (a + b) / 2), _tokens(_ANSWER, (c + d) / 2)
        )
        for i, (a, b) in enumerate(spans)
        for j, (c, d) in enumerate(spans)
    ]  # fmt: skip


def _cuts(q: int, side: int) -> list[float]:
    """Quantiles of the boundaries: even for q = 0, further out the larger q is."""
    return [(i / side) ** (1 / (1 + 0.3 * q)) for i in range(1, side)]


def _tokens(law: NormalDist, quantile: float) -> float:
    return math.exp(law.inv_cdf(quantile))


def profiles(
    draw: random.Random, kinds: list[Variant], each: LengthClass, partition: str, model: str, scale: float
) -> Iterator[Profile]:
    """A class in every mode that holds a model of this size: capacity, watts and latencies with 15 % of noise."""
    for kind in kinds:
        if kind.gpus * kind.gpu.memory_gib < _MEMORY_GIB * scale:
            continue
        full_w = kind.full_w * draw.uniform(0.8, 1.0)
        idle_w = kind.gpus * kind.gpu.parked_w + 0.2 * full_w * draw.uniform(0.8, 1.2)
        ttft_s, tbt_s = _latencies(kind, each, scale)
        yield Profile(
            partition, each.name, kind.mode.name,
            capacity_rps=kind.speed / _work_s(each, scale) * draw.uniform(0.85, 1.15),
            full_power_w=round(full_w, 1), idle_power_w=round(min(idle_w, full_w), 1),
            latency_s=ttft_s + each.answer_tokens * tbt_s, ttft_s=ttft_s, tbt_s=tbt_s, model=model,
        )  # fmt: skip


def service_level(each: LengthClass, partition: str, model: str, scale: float) -> ServiceLevel:
    """Bounds that exclude the slowest modes: about twice what two A100 take."""
    two = Variant(Mode("", {}), GPU_TYPES[0], 2, 1.0)
    ttft_s, tbt_s = _latencies(two, each, scale)
    limits = (2 * (ttft_s + each.answer_tokens * tbt_s) + 1, 0.4 + 2 * ttft_s, 2 * tbt_s)
    return ServiceLevel(partition, each.name, *limits, model=model)


def _work_s(each: LengthClass, scale: float) -> float:
    """Seconds of a whole A100 that a request takes."""
    return scale * (each.prompt_tokens / _PREFILL_TPS + each.answer_tokens / _DECODE_TPS)


def _latencies(kind: Variant, each: LengthClass, scale: float) -> tuple[float, float]:
    """TTFT and TBT, s: prefill at the instance's speed; decoding a full batch, which speed helps less."""
    ttft_s = 0.05 + scale * each.prompt_tokens / (_PREFILL_TPS * kind.speed)
    return ttft_s, scale * _BATCH / _DECODE_TPS / kind.speed**0.7
