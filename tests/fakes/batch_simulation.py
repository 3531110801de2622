"""A discrete-event simulation of one instance with continuous batching: the oracle of derived capacities."""

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass
class Request:
    """A request on its way; `left` are the tokens that it still decodes, `held` what it reserves in the KV cache."""

    arrival_s: float
    prompt_tokens: int
    answer_tokens: int
    left: int = 0
    first_s: float = 0.0
    last_s: float = 0.0

    @property
    def held(self) -> int:
        return self.prompt_tokens + self.answer_tokens

    @property
    def ttft_s(self) -> float:
        return self.first_s - self.arrival_s

    @property
    def latency_s(self) -> float:
        return self.last_s - self.arrival_s

    @property
    def tbt_s(self) -> float:
        return (self.last_s - self.first_s) / max(self.answer_tokens - 1, 1)


@dataclass
class Instance:
    """Prefill of one prompt at a time goes first, whenever it has a place and room; else one decode step of all."""

    prefill_s: Callable[[float], float]
    step_s: Callable[[float, float], float]
    max_batch: int
    kv_tokens: int
    prefill_w: float = 0.0
    step_w: Callable[[float], float] = lambda batch: 0.0
    idle_w: float = 0.0
    now_s: float = 0.0
    energy_j: float = 0.0

    def run(self, arrivals: Sequence[Request]) -> list[Request]:
        """Serve all; the requests, finished."""
        coming, waiting, running = deque(arrivals), deque[Request](), list[Request]()
        while coming or waiting or running:
            while coming and coming[0].arrival_s <= self.now_s:
                waiting.append(coming.popleft())
            if waiting and self._fits(waiting[0], running):
                running = self._prefill(waiting.popleft(), running)
            elif running:
                running = self._decode(running)
            else:
                self._spend(coming[0].arrival_s - self.now_s, self.idle_w)
        return list(arrivals)

    def _fits(self, request: Request, running: list[Request]) -> bool:
        return len(running) < self.max_batch and request.held + sum(each.held for each in running) <= self.kv_tokens

    def _prefill(self, request: Request, running: list[Request]) -> list[Request]:
        self._spend(self.prefill_s(request.prompt_tokens), self.prefill_w)
        request.first_s = request.last_s = self.now_s
        request.left = request.answer_tokens - 1
        return [*running, request] if request.left else running

    def _decode(self, running: list[Request]) -> list[Request]:
        context = sum(each.held - each.left for each in running) / len(running)
        self._spend(self.step_s(len(running), context), self.step_w(len(running)))
        for each in running:
            each.left -= 1
            each.last_s = self.now_s
        return [each for each in running if each.left]

    def _spend(self, seconds: float, watts: float) -> None:
        self.now_s += seconds
        self.energy_j += seconds * watts


def poisson(
    rate_rps: float, count: int, seed: int, lengths: Callable[[random.Random], tuple[int, int]]
) -> list[Request]:
    """Requests that arrive at random at a mean rate, with lengths drawn one by one."""
    rng, at_s, requests = random.Random(seed), 0.0, []
    for _ in range(count):
        at_s += rng.expovariate(rate_rps)
        requests.append(Request(at_s, *lengths(rng)))
    return requests
