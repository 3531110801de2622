"""A simulated instance of TGI: continuous batching, decided by the runtime of the live router itself."""

from collections import deque
from collections.abc import Sequence
from math import ceil, inf, sqrt

from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.core.power_model import Shares
from freesh_plugin.core.step_model import step_s
from freesh_plugin.runtime.step_decision import StepDecision, StepLimits
from models.domain.engine import EngineModel
from models.simulator.instance_book import InstanceBook
from models.simulator.instance_clock import InstanceClock
from models.simulator.instance_meter import InstanceMeter
from models.simulator.instance_types import Arrival, Draw, InstanceSettings, InstanceSink

_LOOK_AGAIN_S = 0.05
"""Where requests wait that cannot start and nothing runs, the live router looks again after so long."""


class SimulatedInstance:
    """Serves what is submitted, pass by pass, as far as it is told to go.

    A pass decodes a token for every request in the batch and computes prompts up to `chunk_tokens`. Passes that only
    decode are taken together up to the soonest that can change anything: their times are an arithmetic series, since
    a pass takes time linear in the KV tokens that it reads.
    """

    def __init__(self, engine: EngineModel, settings: InstanceSettings, sink: InstanceSink, start_s: float) -> None:
        """Loaded and empty at `start_s`."""
        self._engine = engine
        self._leaps = settings.leaps
        self._now_s = start_s
        self._clock = InstanceClock(engine.clocks_mhz, settings.governor, start_s)
        self._meter = InstanceMeter(engine, sink, start_s)
        self._book = InstanceBook(engine, settings, sink, self._clock.times if self._clock.follows else None)
        self._coming: deque[Arrival] = deque()
        self._least_pass_s = step_s(engine.step, engine.clocks_mhz[-1], 1, 0, 0)
        self._shortest_coming: float = inf

    # What is seen of it

    @property
    def now_s(self) -> float:
        """How far it has gone: at or a pass beyond what it was told."""
        return self._now_s

    @property
    def outstanding(self) -> int:
        """Requests that wait or run."""
        return len(self._coming) + len(self._book.requests)

    @property
    def outstanding_tokens(self) -> float:
        """Prompt tokens to compute and answer tokens expected (median of the prediction), over all of them."""
        return sum(map(_tokens_of, self._coming)) + self._book.tokens_left

    @property
    def next_change_s(self) -> float:
        """Before this, `outstanding` does not change by itself; infinite when nothing is there."""
        if not self.outstanding:
            return inf
        if self._coming and self._book.may_refuse(self._coming):
            return self._now_s
        return self._now_s + self._least_pass_s * min(self._book.passes_to_end, self._shortest_coming)

    @property
    def clock_mhz(self) -> int:
        """SM clock."""
        return self._clock.mhz

    @property
    def clock_changes(self) -> int:
        """Changes of the clock so far."""
        return self._clock.changes

    @property
    def busy_s(self) -> float:
        """Seconds in which it computed, so far."""
        return self._meter.busy_s

    # What it is told

    def adopt(self, slo: Slo | None, bounds: ClockBounds) -> None:
        """Another plan: service level and clock bounds."""
        self._book.reception.slo = slo
        self._clock.adopt(slo, bounds)

    def submit(self, arrival: Arrival) -> None:
        """A request came; to be called in order of `at_s`."""
        self._coming.append(arrival)
        request = arrival.request
        self._shortest_coming = min(self._shortest_coming, request.answer_tokens, request.max_new_tokens)

    def advance(self, until_s: float) -> None:
        """Serve until `until_s` is reached or passed by the pass that is under way."""
        self._tick_to(self._now_s)
        while self._now_s < until_s:
            self._take_arrivals()
            if not self._serve(until_s) and not self._rest(until_s):
                break
        self._meter.tell()

    def give_back_waiting(self) -> Sequence[Arrival]:
        """Take out those that have not begun, to be sent elsewhere; those that run go on."""
        coming = list(self._coming)
        self._coming.clear()
        self._shortest_coming = inf
        return [*self._book.give_back(), *coming]

    # Time

    def _take_arrivals(self) -> None:
        coming = self._coming
        while coming and coming[0].at_s <= self._now_s:
            self._book.arrive(coming.popleft(), self._now_s)
            if not coming:
                self._shortest_coming = inf

    def _serve(self, until_s: float) -> bool:
        """Make the next pass, or several at once; returns whether there was anything to compute."""
        book, decision = self._book, None
        if book.scheduler.waiting:
            decision = book.decide(self._limits(), self._now_s)
        elif not book.batch.prefilling and not book.batch.decoding:
            return False
        if book.batch.prefilling:
            self._pass_with_prompts()
        elif book.batch.decoding:
            self._decode(self._pause_s(until_s, decision), decision)
        else:
            return False
        return True

    def _limits(self) -> StepLimits:
        left = max(self._engine.chunk_tokens - self._book.batch.current_tokens, 0)
        return StepLimits(self._engine.max_batch, left, chunked=True)

    def _pause_s(self, until_s: float, decision: StepDecision | None) -> float:
        """The time at or after which no further pass may begin unasked."""
        pause_s = min(until_s, self._clock.next_s)
        if self._coming:
            pause_s = min(pause_s, self._coming[0].at_s)
        return pause_s if decision is None else min(pause_s, decision.holds_until_s)

    def _pass_with_prompts(self) -> None:
        book, mhz = self._book, self._clock.mhz
        legs, prompt_tokens = len(book.batch), book.batch.joining_tokens + book.batch.continuing_tokens
        work = book.batch.compute()
        took_s = step_s(self._engine.step, mhz, work.size, work.kv_tokens, work.prefill_tokens)
        self._spend(took_s, self._meter.used(mhz, work.size, work.prefill_tokens, took_s))
        book.batch.passed(1, took_s)
        book.pace.observe(legs, prompt_tokens, took_s)
        self._end_passes(work.size)

    def _decode(self, pause_s: float, decision: StepDecision | None) -> None:
        """Passes that only decode, until the pause is reached or passed, or something may change."""
        book, mhz, step = self._book, self._clock.mhz, self._engine.step
        size, kv_tokens = len(book.batch.decoding), book.batch.kv_tokens
        first_s = step_s(step, mhz, size, kv_tokens, 0)
        growth_s = step_s(step, mhz, size, kv_tokens + size, 0) - first_s
        most = 1
        if self._leaps:
            most = book.batch.passes_to_mark
            if decision is not None and book.scheduler.waiting:
                most = min(most, decision.holds_for_steps + 1, book.passes_to_unpin)
        passes = max(min(passes_until(first_s, growth_s, pause_s - self._now_s), most), 1)
        last_s = first_s + growth_s * (passes - 1)
        if self._clock.follows and passes > 1:
            self._clock.times.decoded(self._now_s, [first_s + growth_s * i for i in range(passes - 1)])
        before_s = (passes - 1) * (first_s + last_s - growth_s) / 2
        used = self._meter.used(mhz, size, 0, before_s + last_s)
        if passes > 1:
            self._spend(before_s, used)
            book.batch.passed(passes - 1, last_s - growth_s)
        # A tick falls into the last pass, if into any, and is to know of those before it.
        self._spend(last_s, used)
        book.batch.passed(1, last_s)
        book.pace.observe_decoding(size, first_s, growth_s, passes)
        book.scheduler.skip(passes - 1)
        self._end_passes(size)

    def _end_passes(self, size: int) -> None:
        firsts = self._book.take(self._now_s)
        if self._clock.follows:
            self._clock.times.passed([each.request_id for each in firsts], size, self._now_s)
        if not self._leaps:
            self._book.tell_progress()

    def _spend(self, took_s: float, used: Shares) -> None:
        """Let a pass take its time, with the ticks that fall into it; what it uses is as at its beginning."""
        end_s = self._now_s + took_s
        while self._clock.next_s <= end_s:
            self._meter.draw(self._clock.next_s, self._meter.busy_w(self._clock.mhz, used), Draw.BUSY)
            self._meter.tell()
            self._tick()
        self._meter.draw(end_s, self._meter.busy_w(self._clock.mhz, used), Draw.BUSY)
        self._now_s = end_s

    def _rest(self, until_s: float) -> bool:
        """Let time pass until something comes; returns whether anything may."""
        if self._clock.follows:
            self._clock.times.rest()
        pause_s = min(until_s, self._coming[0].at_s) if self._coming else until_s
        if self._book.requests:
            pause_s = min(pause_s, self._now_s + _LOOK_AGAIN_S)
        if pause_s == inf:
            return False
        while True:
            if not self._book.requests:
                self._clock.skip_idle(pause_s)
            if self._clock.next_s > pause_s:
                break
            self._meter.draw(self._clock.next_s, self._meter.idle_w(self._clock.mhz), Draw.IDLE)
            self._tick()
        self._meter.draw(pause_s, self._meter.idle_w(self._clock.mhz), Draw.IDLE)
        self._now_s = pause_s
        return True

    def _tick_to(self, now_s: float) -> None:
        while self._clock.next_s <= now_s:
            self._tick()

    def _tick(self) -> None:
        before_mhz, waiting = self._clock.mhz, self._book.scheduler.waiting
        self._clock.tick(len(self._book.requests) - waiting, waiting, self._book.dues)
        if self._clock.mhz != before_mhz:
            self._meter.tell()


def passes_until(first_s: float, growth_s: float, wait_s: float) -> int:
    """The least number n >= 1 of passes with n·first + growth·n(n - 1)/2 >= wait."""
    if wait_s <= 0:
        return 1
    linear_s = first_s - growth_s / 2
    # The root of growth/2·n² + linear·n = wait in the form that holds without growth, too.
    return ceil(2 * wait_s / (linear_s + sqrt(linear_s * linear_s + 2 * growth_s * wait_s)))


def _tokens_of(arrival: Arrival) -> float:
    request = arrival.request
    return request.prompt_tokens + min(request.estimate.q50, request.max_new_tokens)
