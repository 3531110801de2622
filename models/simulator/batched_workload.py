"""The queue model's requests for an instance with continuous batching: prompts of their classes, capacity, service."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from freesh_plugin.core.power_model import ASSUMED_SHARES, HIGH
from freesh_plugin.core.step_model import ASSUMED, step_s
from models.domain.engine import EngineModel
from models.domain.workload import WorkloadRequest
from models.simulator.queue_workload import WORKERS, Arrivals, QueueRequest, draw_requests

PROMPTS = {"S": (200.0, 16, 511), "L": (1200.0, 512, 4096)}
"""Prompt tokens of short and long ones, synthetic: median, least, most of a lognormal of σ `PROMPT_SIGMA`, clipped."""

PROMPT_SIGMA = 0.6

KV_TOKENS = 200_000
CHUNK_TOKENS = 4096
"""As TGI's default of `max_batch_prefill_tokens`."""

_TELLING = 20_000
_TELLING_SEED = 1_000_000


def batched_engine(places: int = WORKERS) -> EngineModel:
    """An instance of the assumed H100-like constants that holds so many requests at once; as many as the workers are.

    An instance of a real model holds more: 64 or 128.
    """
    return EngineModel(
        mode="assumed",
        model="assumed",
        gpu_type="H100",
        gpus=1,
        step=ASSUMED,
        power=HIGH,
        shares=ASSUMED_SHARES,
        max_batch=places,
        kv_tokens=KV_TOKENS,
        chunk_tokens=CHUNK_TOKENS,
        clocks_mhz=(round(ASSUMED.top_clock_mhz),),
    )


@dataclass(frozen=True)
class FullPace:
    """What an instance does whose places are always taken.

    Attributes:
        capacity_rps: Requests of the mix that it finishes in a second: what loads are relative to.
        tbt_s: Time between tokens of each, the prefill of others included.
        prefill_s_per_token: What a prompt token adds to its pass.
    """

    capacity_rps: float
    tbt_s: float
    prefill_s_per_token: float

    def service_s(self, prompt_tokens: int, answer_tokens: int) -> float:
        """True service time: its prompt, and its tokens at this pace, as a worker of the queue model has one pace."""
        return prompt_tokens * self.prefill_s_per_token + answer_tokens * self.tbt_s


@lru_cache(maxsize=16)
def full_pace(engine: EngineModel) -> FullPace:
    """Of the mix: T = step(B, mean context) + B/E[answer]·E[prompt]·prefill, and B/(T·E[answer]) requests a second."""
    drawn = draw_requests(Arrivals.STEADY, 1.0, 0.0, _TELLING, _TELLING_SEED)
    answer = np.array([each.answer_tokens for each in drawn], dtype=float)
    prompt = np.array(_prompts(drawn, _TELLING_SEED), dtype=float)
    context = float(answer @ (prompt + answer / 2) / answer.sum())
    clock_mhz, places = float(engine.clocks_mhz[-1]), engine.max_batch
    per_token_s = step_s(engine.step, clock_mhz, 0, 0, 1000) / 1000 - step_s(engine.step, clock_mhz, 0, 0, 0) / 1000
    decode_s = step_s(engine.step, clock_mhz, places, round(places * context), 0)
    pass_s = decode_s + places / float(answer.mean()) * float(prompt.mean()) * per_token_s
    return FullPace(places / (pass_s * float(answer.mean())), pass_s, per_token_s)


def draw_batched(
    engine: EngineModel, arrivals: Arrivals, load: float, length_error: float, count: int, seed: int
) -> list[WorkloadRequest]:
    """Requests of one run: classes, answers, estimates, clients and arrivals of the queue model's, and prompts."""
    drawn = draw_requests(arrivals, load, length_error, count, seed, full_pace(engine).capacity_rps)
    prompts = _prompts(drawn, seed)
    return [
        WorkloadRequest(
            arrival_s=each.arrival_s,
            prompt_tokens=prompt,
            answer_tokens=each.answer_tokens,
            max_new_tokens=each.max_new_tokens,
            estimate=each.estimate,
            client=each.client,
        )
        for each, prompt in zip(drawn, prompts, strict=True)
    ]


def _prompts(drawn: Sequence[QueueRequest], seed: int) -> list[int]:
    """A prompt length for each; of random numbers of their own, so that everything else stays the queue model's."""
    normal = np.random.default_rng((seed, 1)).standard_normal(len(drawn))
    medians, least, most = np.array([PROMPTS[each.kind.name[0]] for each in drawn]).T
    return [int(each) for each in np.clip(np.rint(medians * np.exp(PROMPT_SIGMA * normal)), least, most)]
