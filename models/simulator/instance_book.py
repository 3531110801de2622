"""Every request of a simulated instance from its arrival to its end, as the live router's book keeps them."""

from collections.abc import Iterable
from dataclasses import replace
from math import inf

from freesh_plugin.core.length_model import CHECKPOINTS, last_checkpoint, next_checkpoint
from freesh_plugin.runtime.governor_signals import Dues
from freesh_plugin.runtime.pace import MeasuredPace
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.step_decision import StepDecision, StepLimits
from freesh_plugin.runtime.token_times import TokenTimes
from models.domain.engine import EngineModel
from models.simulator.instance_batch import InstanceBatch
from models.simulator.instance_memory import UnitMemory
from models.simulator.instance_reception import InstanceReception
from models.simulator.instance_request import InstanceRequest
from models.simulator.instance_types import Arrival, InstanceSettings, InstanceSink, Outcome

LEG_TOKENS = 1024
"""Answer tokens for which memory is set aside at once: `leg_tokens` of the live router's defaults."""

_SHARE_TOKENS = LEG_TOKENS + 16
"""What a leg gets there: so many more, to end a character that is half written."""

_CUT_FROM = 5
"""Tokens that an answer must have before the live router takes its request out of the batch."""

_FOREVER = 1 << 60


class InstanceBook:
    """Keeps scheduler, memory and batch in step with each other.

    The scheduler is told of progress when it is asked something that depends on it: while nobody waits, it is not.

    Attributes:
        batch: Those in the batch.
        pace: What passes took.
        reception: What newcomers are promised.
        scheduler: Who waits and runs.
        memory: Who holds what.
        requests: All that have arrived and not ended, by id.
    """

    def __init__(
        self, engine: EngineModel, settings: InstanceSettings, sink: InstanceSink, times: TokenTimes | None
    ) -> None:
        """Nobody is here; `times` is told of first tokens and of those who wait for them."""
        self.batch = InstanceBatch(engine.chunk_tokens)
        self.pace = MeasuredPace()
        self.reception = InstanceReception(self.pace, settings.deadline_factor)
        self.memory = UnitMemory(engine.kv_tokens, settings.memory_unit_tokens)
        stated = settings.scheduler.total_tokens_limit
        limit = min(self.memory.longest_tokens, self.memory.longest_tokens if stated is None else stated)
        self._settings = replace(settings.scheduler, total_tokens_limit=limit)
        self.scheduler = Scheduler(self._settings, self.pace, self.memory)
        self.requests: dict[int, InstanceRequest] = {}
        self._sink = sink
        self._times = times
        self._pinned: dict[int, InstanceRequest] = {}
        self._told_passes = 0
        self._shortest: float = inf

    # Coming and going

    def arrive(self, arrival: Arrival, now_s: float) -> None:
        """Queue a request, or refuse it."""
        request = InstanceRequest(arrival, self.batch.count, CHECKPOINTS[0])
        request_id = arrival.request_id
        self.memory.register(request, _share(request))
        refusal = self.scheduler.arrive(self.reception.job_of(arrival), now_s)
        if refusal is not None:
            self.memory.release(request_id)
            self._sink.ended(Outcome(arrival, None, None, now_s - arrival.at_s, refused=refusal.code))
            return
        self.requests[request_id] = request
        self._shortest = min(self._shortest, request.answer_tokens)
        if self._times is not None:
            self._times.arrived(request_id, arrival.at_s)

    def give_back(self) -> list[Arrival]:
        """Take out those that never were in the batch."""
        waiting = [request for request in self.requests.values() if not request.legs]
        for request in waiting:
            self._forget(request)
            if self._times is not None:
                self._times.gone(request.request_id)
        return [request.arrival for request in waiting]

    def _forget(self, request: InstanceRequest) -> None:
        del self.requests[request.request_id]
        self._pinned.pop(request.request_id, None)
        self.scheduler.leave(request.request_id)
        self.memory.release(request.request_id)

    # Joining and leaving the batch

    def decide(self, limits: StepLimits, now_s: float) -> StepDecision:
        """Ask the scheduler, and carry its decision out."""
        self.tell_progress()
        decision = self.scheduler.decide(limits, now_s)
        if decision.changes:
            self._park(decision.preempt, decision.drop, now_s)
            self._begin_legs((*decision.resume, *decision.admit), limits.prefill_tokens, now_s)
        return decision

    def _park(self, preempt: Iterable[int], drop: Iterable[int], now_s: float) -> None:
        for request_id in preempt:
            request = self.requests[request_id]
            request.preemptions += 1
            self._take_out(request, now_s)
        for request_id in drop:
            self.memory.drop(request_id)

    def _take_out(self, request: InstanceRequest, now_s: float) -> None:
        self.memory.park(request, _share(request))
        self.batch.leave(request, now_s)
        self._pinned.pop(request.request_id, None)
        self._shortest = min(self._shortest, request.answer_tokens - request.generated)

    def _begin_legs(self, request_ids: Iterable[int], prefill_tokens: int, now_s: float) -> None:
        """Begin legs as far as `prefill_tokens` go, the last in part; the others wait for another pass."""
        left, begun = prefill_tokens, False
        for request_id in request_ids:
            request = self.requests[request_id]
            computed = self.memory.claim(request)
            if computed is None or (begun and left < 1):
                if computed is not None:
                    self.memory.park(request, _share(request))
                self.scheduler.left_batch([request_id], now_s)
                continue
            begun = True
            tokens = request.tokens - computed
            self.batch.join(request, computed, left if 0 < left < tokens else tokens)
            left = max(left - tokens, 0)
            self.scheduler.pin(request_id, True)
            self._pinned[request_id] = request

    # What a pass brought

    def take(self, now_s: float) -> list[InstanceRequest]:
        """After a pass: give first tokens, and let those go whose answer or leg is whole; returns who got a first."""
        firsts = self.batch.begin_decoding(LEG_TOKENS, now_s)
        reached = self.batch.at_mark()
        whole = sum(request.generated >= request.answer_tokens for request in reached)
        self.batch.share_out(whole)
        for request in reached:
            self._at_mark(request, now_s)
        self.scheduler.progress_all([pair for each in firsts for pair in _progress(each, each.generated)])
        if not self.scheduler.waiting and not self.batch.prefilling:
            self._shortest = inf
        return [each for each in firsts if each.legs == 1]

    def _at_mark(self, request: InstanceRequest, now_s: float) -> None:
        # What its last token brought is told to nobody: the live router forgets a request before it counts the pass.
        self.scheduler.progress_all(_progress(request, request.generated - 1))
        if request.generated >= request.answer_tokens:
            self._forget(request)
            self.batch.leave(request, now_s)
            self._sink.ended(request.outcome(now_s))
        else:
            self._take_out(request, now_s)
            self.scheduler.left_batch([request.request_id], now_s)

    def tell_progress(self) -> None:
        """Tell the scheduler how far those are that decode, and who can be taken out."""
        if self._told_passes == self.batch.count.passes:
            return
        passes = self._told_passes = self.batch.count.passes
        pairs: list[tuple[int, int]] = []
        for request_id, request in self.batch.decoding.items():
            tokens = passes - request.base
            if tokens >= request.checkpoint:
                pairs.append((request_id, _reached(request, tokens)))
            pairs.append((request_id, tokens))
        self._unpin()
        self.scheduler.progress_all(pairs)

    def _unpin(self) -> None:
        for request in list(self._pinned.values()):
            if not request.in_new_leg and request.generated >= _CUT_FROM:
                del self._pinned[request.request_id]
                self.scheduler.pin(request.request_id, False)

    def dues(self, now_s: float) -> Dues:
        """What was promised and is not there yet."""
        self.tell_progress()
        return self.scheduler.dues(now_s)

    @property
    def tokens_left(self) -> float:
        """Tokens to compute and expected, over all requests."""
        return sum(request.tokens_left for request in self.requests.values())

    @property
    def passes_to_end(self) -> float:
        """Passes before which none of the requests here can end; infinite without any."""
        decoding = self.batch.passes_to_mark if self.batch.decoding else inf
        return min(decoding, self._shortest)

    def may_refuse(self, coming: Iterable[Arrival]) -> bool:
        """Whether one of these may be refused when it is taken in."""
        arrivals = list(coming)
        if self.scheduler.waiting + len(arrivals) >= self._settings.waiting_limit:
            return True
        limit = self._settings.total_tokens_limit
        longest = max(each.request.prompt_tokens + each.request.max_new_tokens for each in arrivals)
        return limit is not None and longest > limit

    @property
    def passes_to_unpin(self) -> int:
        """Passes until the next of those that decode can be taken out."""
        return min((_CUT_FROM - each.generated for each in self._pinned.values()), default=_FOREVER)


def _share(request: InstanceRequest) -> int:
    """Most tokens of its next leg."""
    return min(request.remaining, _SHARE_TOKENS)


def _progress(request: InstanceRequest, tokens: int) -> list[tuple[int, int]]:
    """What the scheduler is told so that it is as if it had been told token by token."""
    told = [_reached(request, tokens)] if tokens >= request.checkpoint else []
    return [(request.request_id, each) for each in (*told, tokens)]


def _reached(request: InstanceRequest, tokens: int) -> int:
    """The last checkpoint that a request has passed."""
    request.checkpoint = next_checkpoint(tokens)
    return last_checkpoint(tokens)
