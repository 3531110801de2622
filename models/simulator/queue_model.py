"""The queue model: single-stream workers that serve requests in steps, as the plugin's own scheduler decides."""

from dataclasses import dataclass, replace
from math import ceil, inf

from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import StepDecision, StepLimits
from freesh_plugin.runtime.unlimited_memory import UnlimitedMemory
from models.simulator.queue_workload import DEADLINE_STRETCH, WORKERS, QueueRequest

STEP_S = 0.1
_ANY_PREFILL = 1 << 40
_PROMPT_TOKENS = 2
"""Any number above 1, which stands for a resumption: prompts count by their TTFT."""
_INSTANT_S = 1e-9
"""Far below any time that matters, far above what adding up steps loses."""


@dataclass(slots=True)
class Served:
    """How one request fared.

    Attributes:
        request: The request.
        finished_s: When its last token came; None if it was refused.
        stall_s: Longest time without a token after its arrival.
        preemptions: How often it was preempted.
        starts: How often it joined a worker.
        start_left_s: Seconds of work before its next token is begun: what is left of its TTFT, and of resumptions.
        decoded_s: Seconds that its tokens took so far.
        waits_since_s: Since when it has had no token; infinite while it gets them.
    """

    request: QueueRequest
    finished_s: float | None = None
    stall_s: float = 0.0
    preemptions: int = 0
    starts: int = 0
    start_left_s: float = 0.0
    decoded_s: float = 0.0
    waits_since_s: float = inf

    @property
    def tokens(self) -> int:
        """Tokens so far."""
        return int((self.decoded_s + _INSTANT_S) / self.request.kind.tbt_s)

    @property
    def left_s(self) -> float:
        """Seconds of work to its end."""
        return self.start_left_s + self.request.answer_tokens * self.request.kind.tbt_s - self.decoded_s

    @property
    def next_token_s(self) -> float:
        """Seconds of work to its next token."""
        return self.start_left_s + (self.tokens + 1) * self.request.kind.tbt_s - self.decoded_s

    def start(self, resume_cost_s: float) -> None:
        """It joins a worker."""
        self.start_left_s += resume_cost_s if self.starts else self.request.kind.ttft_s
        self.starts += 1

    def end_stall(self, now_s: float, seconds: float) -> None:
        """If a token comes within so long from now, the wait for it is over."""
        if self.waits_since_s < inf and self.next_token_s <= seconds + _INSTANT_S:
            self.stall_s = max(self.stall_s, now_s + self.next_token_s - self.waits_since_s)
            self.waits_since_s = inf

    def work(self, seconds: float) -> None:
        """A worker spends so long on it."""
        starting_s = min(self.start_left_s, seconds)
        self.start_left_s -= starting_s
        self.decoded_s += seconds - starting_s


class QueuePace:
    """Pace of the queue model: TTFT to start, the resume cost to go on, TBT a token, by class."""

    revision = 0
    held_up = 1.0

    def __init__(self, requests: list[QueueRequest], resume_cost_s: float) -> None:
        self._kinds = [request.kind for request in requests]
        self._resume_cost_s = resume_cost_s

    def service_s(self, job: Job, prefill_tokens: float, decode_tokens: float) -> float:
        """Seconds of the remaining work; a whole prompt is a start, one token a resumption."""
        kind = self._kinds[job.request_id]
        start_s = 0.0 if not prefill_tokens else kind.ttft_s if prefill_tokens > 1 else self._resume_cost_s
        return start_s + decode_tokens * kind.tbt_s


class QueueMemory(UnlimitedMemory):
    """Everything fits; a first start costs the prompt, a resumption one token."""

    def __init__(self, served: list[Served]) -> None:
        self._served = served

    def prefill_tokens(self, request_id: int) -> int:
        """The prompt, or one token of a request that started before."""
        return 1 if self._served[request_id].starts else _PROMPT_TOKENS


def simulate(
    requests: list[QueueRequest],
    settings: SchedulerSettings,
    resume_cost_s: float,
    *,
    promised: bool = False,
    workers: int = WORKERS,
) -> list[Served]:
    """Serve all requests to their end, in steps of 0.1 s; steps in which nothing can change are skipped.

    Args:
        requests: By arrival.
        settings: Of the scheduler.
        resume_cost_s: What it costs to resume a preempted request.
        promised: Whether the scheduler takes deadlines for promises; else for what they are, a stretch of the service.
        workers: How many requests are served at once.
    """
    return _Run(requests, settings, resume_cost_s, None if promised else DEADLINE_STRETCH, workers).to_the_end()


class _Run:
    def __init__(
        self,
        requests: list[QueueRequest],
        settings: SchedulerSettings,
        resume_cost_s: float,
        stretch: float | None,
        workers: int,
    ) -> None:
        self._served = [Served(request) for request in requests]
        self._resume_cost_s = resume_cost_s
        self._stretch = stretch
        self._limits = StepLimits(batch=workers, prefill_tokens=_ANY_PREFILL)
        fastest_s = min((request.kind.tbt_s for request in requests), default=STEP_S)
        settings = replace(settings, tokens_per_step=ceil(STEP_S / fastest_s))
        self._scheduler = Scheduler(settings, QueuePace(requests, resume_cost_s), QueueMemory(self._served))
        self._running: dict[int, Served] = {}
        self._arrived = 0

    def to_the_end(self) -> list[Served]:
        step = 0
        while self._arrived < len(self._served) or self._running or self._scheduler.waiting:
            now_s = step * STEP_S
            self._take_arrivals(now_s)
            decision = self._scheduler.decide(self._limits, now_s)
            self._carry_out(decision, now_s)
            after = self._next_step(step, decision)
            self._work(now_s, (after - step) * STEP_S)
            step = after
        self._end_stalls_of_refused(step * STEP_S)
        return self._served

    def _take_arrivals(self, now_s: float) -> None:
        while self._arrived < len(self._served) and self._served[self._arrived].request.arrival_s <= now_s:
            served, request = self._served[self._arrived], self._served[self._arrived].request
            served.waits_since_s = request.arrival_s
            job = Job(
                self._arrived, request.arrival_s, request.deadline_s, _PROMPT_TOKENS, request.max_new_tokens,
                request.estimate, str(request.client), stretch=self._stretch,
            )  # fmt: skip
            self._scheduler.arrive(job, now_s)
            self._arrived += 1

    def _carry_out(self, decision: StepDecision, now_s: float) -> None:
        for request_id in decision.preempt:
            served = self._running.pop(request_id)
            served.preemptions += 1
            # A request that left before its first token since it joined has had none: its stall goes on.
            served.waits_since_s = min(served.waits_since_s, now_s)
        for request_id in (*decision.resume, *decision.admit):
            served = self._running[request_id] = self._served[request_id]
            served.start(self._resume_cost_s)

    def _next_step(self, step: int, decision: StepDecision) -> int:
        """The next step at which something can change: never later than the decision holds."""
        now_s = step * STEP_S
        events_s = [now_s + served.left_s for served in self._running.values()]
        events_s.append(decision.holds_until_s)
        if self._arrived < len(self._served):
            events_s.append(self._served[self._arrived].request.arrival_s)
        held = step + 1 + decision.holds_for_steps
        soonest_s = min(events_s)
        return max(step + 1, min(ceil((soonest_s - _INSTANT_S) / STEP_S), held) if soonest_s < inf else held)

    def _work(self, now_s: float, seconds: float) -> None:
        done, progress = [], []
        for request_id, served in self._running.items():
            left_s = served.left_s
            served.end_stall(now_s, min(seconds, left_s))
            served.work(seconds)
            if left_s <= seconds + _INSTANT_S:
                served.finished_s = now_s + left_s
                done.append(request_id)
            else:
                progress.append((request_id, served.tokens))
        for request_id in done:
            del self._running[request_id]
            self._scheduler.leave(request_id)
        self._scheduler.progress_all(progress)

    def _end_stalls_of_refused(self, end_s: float) -> None:
        for served in self._served:
            if served.finished_s is None:
                served.stall_s = end_s - served.request.arrival_s
