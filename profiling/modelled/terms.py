"""What a pass is made of: seconds that each part would take at the rates of the data sheet."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from profiling.modelled.observation import Kind, Observation

Floats = NDArray[np.float64]

TERMS = ("launch", "request", "weights", "kv", "compute", "sync", "exchange", "prompt", "pass")
"""Parts of a pass; a fitted factor of each says how far an engine is from the sheet.

launch: 0.1 ms a layer · request: 0.1 ms a request · weights: reading the weights that are used, once · kv: reading the
KV cache · compute: 2 operations a weight and token, decoding · sync: 10 µs a layer, where ranks share it · exchange:
activations between ranks at 300 GB/s · prompt: 2 operations a weight and token, prefilling · pass: 1 ms a prefill
"""

CLOCK_SHARES = {"compute": 1.0, "prompt": 1.0, "launch": 0.2, "request": 0.2, "sync": 0.2, "pass": 0.2}
"""Share of a part that is inversely proportional to the SM clock; none of the rest, which memory and links bound.

Arithmetic scales with the clock. That of launches and of synchronisation is assumed: it is the share that the fixed
part of `core/step_model.py` has (2.5 of 11.5 ms).
"""

_LAUNCH_S, _REQUEST_S, _SYNC_S, _PASS_S = 1e-4, 1e-4, 1e-5, 1e-3
_LINK_BYTES_PER_S = 300e9
_EXPERTS_TOUCHED = 5.0
_MEMORY_SHARE, _LEAST_MEMORY_SHARE = 0.9, 0.02
_ANSWER_HELD = 0.75


def terms_of(observations: Sequence[Observation]) -> Floats:
    """Seconds of each part of each; shape (observation, term)."""
    return np.array([_row(each) for each in observations])


def kv_capacity(one: Observation) -> float:
    """Tokens of KV cache that fit beside the weights: nine tenths of the memory less the weights."""
    memory = one.gpu.memory_bytes * one.gpus
    free = max(_MEMORY_SHARE * memory - one.llm.weight_bytes, _LEAST_MEMORY_SHARE * memory)
    return free / one.llm.kv_bytes_per_token


def _row(one: Observation) -> list[float]:
    if one.kind is Kind.PREFILL:
        return _prefill(one, one.batch * one.prompt_tokens)
    if one.kind is Kind.RUN:
        return _run(one)
    step = _step(one, one.batch)
    if one.kind is Kind.SERVED_STEP:  # each step also prefills the prompts of the answers that end in it
        step[TERMS.index("prompt")] = _compute_s(one, one.prompt_tokens * one.batch / one.answer_tokens)
    return step


def _run(one: Observation) -> list[float]:
    """All answers, in as many turns as the memory asks for."""
    held = one.prompt_tokens + _ANSWER_HELD * one.answer_tokens
    places = min(one.batch, max(kv_capacity(one) / held, 1.0))
    step, prefill = _step(one, places), _prefill(one, places * one.prompt_tokens)
    return [one.batch / places * (one.answer_tokens * s + p) for s, p in zip(step, prefill, strict=True)]


def _step(one: Observation, batch: float) -> list[float]:
    llm, gpu = one.llm, one.gpu
    context = one.prompt_tokens + one.answer_tokens / 2
    touched = llm.active + (llm.parameters - llm.active) * (1 - np.exp(-batch / _EXPERTS_TOUCHED))
    kv_ranks = min(one.tensor_parallel, llm.kv_splits)
    return [
        _LAUNCH_S * llm.layers,
        _REQUEST_S * batch,
        2 * touched / one.tensor_parallel / gpu.memory_bytes_per_s,
        batch * context * llm.kv_bytes_per_token / kv_ranks / gpu.memory_bytes_per_s,
        _compute_s(one, batch),
        _sync_s(one),
        _exchange_s(one, batch),
        0.0,
        0.0,
    ]


def _prefill(one: Observation, tokens: float) -> list[float]:
    return [
        _LAUNCH_S * one.llm.layers,
        0.0,
        one.llm.weight_bytes / one.gpus / one.gpu.memory_bytes_per_s,
        0.0,
        0.0,
        _sync_s(one),
        _exchange_s(one, tokens),
        _compute_s(one, tokens),
        _PASS_S,
    ]


def _compute_s(one: Observation, tokens: float) -> float:
    return 2 * one.llm.active * tokens / one.tensor_parallel / one.gpu.flops


def _sync_s(one: Observation) -> float:
    return _SYNC_S * one.llm.layers if one.tensor_parallel > 1 else 0.0


def _exchange_s(one: Observation, tokens: float) -> float:
    return one.llm.layers * one.llm.hidden * tokens * 2 / _LINK_BYTES_PER_S if one.tensor_parallel > 1 else 0.0
