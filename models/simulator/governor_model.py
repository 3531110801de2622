"""An instance with continuous batching and chunked prefill whose SM clock is set from outside, and what it draws."""

from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import ceil, sqrt

from freesh_plugin.core.power_model import ASSUMED as ASSUMED_POWER
from freesh_plugin.core.power_model import ASSUMED_SHARES, IDLE, PowerModel, ShareModel, power_w, shares
from freesh_plugin.core.step_model import ASSUMED as ASSUMED_STEP
from freesh_plugin.core.step_model import StepModel, step_s
from models.simulator.governor_workload import DURATION_S, Trace


@dataclass(frozen=True, slots=True)
class Instance:
    """What serves: times and watts (assumed, not measured), and what is promised.

    Attributes:
        step: How long a pass takes.
        power: What the GPU draws, by what a pass uses.
        shares: What a pass uses.
        places: Most requests in the batch.
        chunk_tokens: Most prompt tokens in a pass.
        ttft_s, tbt_s: SLO.
    """

    step: StepModel = ASSUMED_STEP
    power: PowerModel = ASSUMED_POWER
    shares: ShareModel = ASSUMED_SHARES
    places: int = 160
    chunk_tokens: int = 512
    ttft_s: float = 2.0
    tbt_s: float = 0.1


@dataclass(slots=True)
class Told:
    """News since it was asked last: seconds that the batch waited for each pass, and TTFT of each request."""

    tbt_s: list[float] = field(default_factory=list)
    ttft_s: list[float] = field(default_factory=list)


class GovernedEngine:
    """Serves a trace, first come, first served, pass by pass.

    A pass decodes a token for every request in the batch and computes up to `chunk_tokens` of the prompts that wait.
    Passes that only decode are taken together up to the next arrival, end of an answer or pause: their times are an
    arithmetic series, since a pass takes time linear in the KV tokens that it reads.
    """

    def __init__(self, instance: Instance, trace: Trace) -> None:
        """Start at 0 s with nothing in the batch."""
        self._instance = instance
        self._trace = trace
        self.now_s = 0.0
        self.energy_j = 0.0
        self.ttft_misses = 0
        self.firsts = 0
        self.tbt_misses = 0
        self.tokens = 0
        self._arrived = 0  # requests that have come
        self._head = 0  # the first of them whose prompt is not computed wholly
        self._head_done = 0  # tokens of it that are
        self._decoding: list[tuple[int, int]] = []  # (pass of its last token, KV tokens it has then), a heap
        self.prompt_tokens = 0
        self._passes = 0  # passes that decoded
        self._kv_tokens = 0
        self._told = Told()

    @property
    def running(self) -> int:
        """Requests in the batch."""
        return len(self._decoding) + (self._head_done > 0)

    @property
    def finished(self) -> bool:
        """Whether every request of the trace has been served."""
        return self._head == len(self._trace.arrivals_s) and not self._decoding

    @property
    def waiting(self) -> int:
        """Requests that have come and are not in the batch."""
        return self._arrived - self._head - (self._head_done > 0)

    @property
    def waiting_age_s(self) -> float:
        """Age of the oldest request without a first token."""
        return self.now_s - self._trace.arrivals_s[self._head] if self._head < self._arrived else 0.0

    def ttft_counts(self) -> tuple[int, int]:
        """Requests whose first token came too late, or is too late already; and all of which this is known."""
        waiting = self._trace.arrivals_s[self._head : self._arrived]
        overdue = sum(self.now_s - arrival_s > self._instance.ttft_s for arrival_s in waiting)
        return self.ttft_misses + overdue, self.firsts + overdue

    def news(self) -> Told:
        """What happened since this was asked last."""
        told, self._told = self._told, Told()
        return told

    def copy(self) -> "GovernedEngine":
        """An engine in the same state that goes its own way; without news."""
        other = GovernedEngine(self._instance, self._trace)
        for name, value in vars(self).items():
            setattr(other, name, value)
        other._decoding, other._told = list(self._decoding), Told()
        return other

    def advance(self, until_s: float, sm_clock_mhz: float) -> None:
        """Go on at this clock until `until_s` is reached or passed; a pass that has begun is ended.

        Once all requests of a run are served and its time is over, nothing happens any more.
        """
        arrivals_s = self._trace.arrivals_s
        while True:
            while self._arrived < len(arrivals_s) and arrivals_s[self._arrived] <= self.now_s:
                self._arrived += 1
            if self.now_s >= until_s or (self.finished and self.now_s >= DURATION_S):
                return
            if self._may_prefill():
                self._prefill_pass(sm_clock_mhz)
                continue
            pause_s = until_s
            if self._arrived < len(arrivals_s):
                pause_s = min(pause_s, arrivals_s[self._arrived])
            if self._decoding:
                self._decode_passes(pause_s, sm_clock_mhz)
            else:
                self.energy_j += (pause_s - self.now_s) * power_w(self._instance.power, sm_clock_mhz, IDLE)
                self.now_s = pause_s

    def _may_prefill(self) -> bool:
        return self._head < self._arrived and (self._head_done > 0 or len(self._decoding) < self._instance.places)

    def _prefill_pass(self, sm_clock_mhz: float) -> None:
        batch, budget = len(self._decoding), self._instance.chunk_tokens
        prompts = self._trace.prompts
        done: list[int] = []
        while budget and self._head < self._arrived:
            if not self._head_done and batch + len(done) >= self._instance.places:
                break
            taken = min(budget, prompts[self._head] - self._head_done)
            budget -= taken
            self._head_done += taken
            if self._head_done == prompts[self._head]:
                done.append(self._head)
                self._head, self._head_done = self._head + 1, 0
        tokens = self._instance.chunk_tokens - budget
        self._decode(
            1, step_s(self._instance.step, sm_clock_mhz, batch, self._kv_tokens, tokens), 0.0, tokens, sm_clock_mhz
        )
        self._kv_tokens += tokens
        self.prompt_tokens += tokens
        for request in done:
            self._first_token(request)

    def _decode_passes(self, pause_s: float, sm_clock_mhz: float) -> None:
        """Passes until the pause is reached or passed, or an answer ends."""
        batch, step = len(self._decoding), self._instance.step
        first_s = step_s(step, sm_clock_mhz, batch, self._kv_tokens, 0)
        growth_s = step_s(step, sm_clock_mhz, batch, self._kv_tokens + batch, 0) - first_s
        passes = min(_passes(first_s, growth_s, pause_s - self.now_s), self._decoding[0][0] - self._passes)
        self._decode(passes, first_s, growth_s, 0, sm_clock_mhz)

    def _decode(self, passes: int, first_s: float, growth_s: float, prefill_tokens: int, sm_clock_mhz: float) -> None:
        """Passes that take `first_s`, and each `growth_s` longer than the one before."""
        batch = len(self._decoding)
        took_s = passes * first_s + growth_s * passes * (passes - 1) / 2
        served_by = self._instance
        used = shares(served_by.step, sm_clock_mhz, batch, prefill_tokens, took_s / passes, served_by.shares)
        self.energy_j += took_s * power_w(served_by.power, sm_clock_mhz, used)
        self.now_s += took_s
        if not batch:
            return
        self.tokens += passes * batch
        times_s = [first_s] if passes == 1 else [first_s + growth_s * i for i in range(passes)]
        self._told.tbt_s += times_s
        if times_s[-1] > self._instance.tbt_s:
            self.tbt_misses += batch * sum(each > self._instance.tbt_s for each in times_s)
        self._passes += passes
        self._kv_tokens += passes * batch
        while self._decoding and self._decoding[0][0] == self._passes:
            self._kv_tokens -= heappop(self._decoding)[1]

    def _first_token(self, request: int) -> None:
        ttft_s = self.now_s - self._trace.arrivals_s[request]
        self._told.ttft_s.append(ttft_s)
        self.firsts += 1
        self.ttft_misses += ttft_s > self._instance.ttft_s
        answer = self._trace.answers[request]
        self._kv_tokens += 1
        heappush(self._decoding, (self._passes + answer - 1, self._trace.prompts[request] + answer))


def _passes(first_s: float, growth_s: float, wait_s: float) -> int:
    """The least number n >= 1 of passes with n·first + growth·n(n - 1)/2 >= wait."""
    if growth_s <= 0:
        return max(1, ceil(wait_s / first_s))
    linear = first_s - growth_s / 2
    return max(1, ceil((sqrt(linear * linear + 2 * growth_s * wait_s) - linear) / growth_s))
