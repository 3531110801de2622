"""The queue model: single-stream workers that serve requests in steps, as the plugin's scheduler decides."""

from dataclasses import dataclass, field
from math import ceil, inf

from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import StepLimits
from models.simulator.queue_workload import DEADLINE_STRETCH, WORKERS, QueueRequest

STEP_S = 0.1
_ANY_PREFILL = 1 << 40


@dataclass(slots=True)
class Served:
    """How one request fared.

    Attributes:
        request: The request.
        finished_s: When its last token came; None if it was refused.
        stall_s: Longest time without a token after its arrival.
        preemptions: How often it was preempted.
    """

    request: QueueRequest
    finished_s: float | None = None
    stall_s: float = 0.0
    preemptions: int = 0
    waits_since_s: float = 0.0
    served_s: float = 0.0
    resumes: int = 0
    started_s: float = field(default=inf)


class QueuePace:
    """Pace of the queue model: TTFT to start, the resume cost to go on, TBT a token, by class."""

    revision = 0

    def __init__(self, requests: list[QueueRequest], resume_cost_s: float) -> None:
        self._kinds = [request.kind for request in requests]
        self._resume_cost_s = resume_cost_s

    def service_s(self, job: Job, prefill_tokens: float, decode_tokens: float) -> float:
        """Seconds of the remaining work; a whole prompt is a start, one token a resumption."""
        kind = self._kinds[job.request_id]
        start_s = 0.0 if not prefill_tokens else kind.ttft_s if prefill_tokens > 1 else self._resume_cost_s
        return start_s + decode_tokens * kind.tbt_s


class QueueMemory:
    """Memory that never runs out: a first start costs the prompt, a resumption one token."""

    def __init__(self, served: list[Served]) -> None:
        self._served = served

    def trial(self) -> "QueueMemory":
        """Itself: there is nothing to count."""
        return self

    def prefill_tokens(self, request_id: int) -> int:
        """Two for a whole prompt, one for what is kept."""
        return 1 if self._served[request_id].served_s > 0 else 2

    def keeps(self, request_id: int) -> bool:
        """Nothing that is worth dropping."""
        return False

    def add(self, request_id: int) -> bool:
        """It fits."""
        return True

    def park(self, request_id: int) -> None:
        """Nothing to count."""

    def drop(self, request_id: int) -> None:
        """Nothing to count."""


def simulate(
    requests: list[QueueRequest], settings: SchedulerSettings, resume_cost_s: float, workers: int = WORKERS
) -> list[Served]:
    """Serve all requests to their end, in steps of 0.1 s; steps in which nothing can change are skipped."""
    return _Run(requests, settings, resume_cost_s, workers).to_the_end()


class _Run:
    def __init__(
        self, requests: list[QueueRequest], settings: SchedulerSettings, resume_cost_s: float, workers: int
    ) -> None:
        self._served = [Served(request) for request in requests]
        self._resume_cost_s = resume_cost_s
        self._limits = StepLimits(batch=workers, prefill_tokens=_ANY_PREFILL)
        pace = QueuePace(requests, resume_cost_s)
        self._scheduler = Scheduler(settings, pace, QueueMemory(self._served))
        self._running: dict[int, Served] = {}
        self._next = 0

    def to_the_end(self) -> list[Served]:
        step = 0
        while self._next < len(self._served) or self._running:
            now_s = step * STEP_S
            self._arrivals(now_s)
            decision = self._scheduler.decide(self._limits, now_s)
            for request_id in decision.preempt:
                self._preempt(request_id, now_s)
            for request_id in (*decision.resume, *decision.admit):
                self._start(request_id, now_s)
            until = self._until(step, decision.holds_for_steps, decision.holds_until_s)
            self._work(now_s, (until - step) * STEP_S)
            step = until
        return self._served

    def _arrivals(self, now_s: float) -> None:
        while self._next < len(self._served) and self._served[self._next].request.arrival_s <= now_s:
            request, number = self._served[self._next].request, self._next
            self._served[number].waits_since_s = request.arrival_s
            job = Job(
                number, request.arrival_s, request.deadline_s, 2, request.max_new_tokens, request.estimate,
                str(request.client), stretch=DEADLINE_STRETCH,
            )  # fmt: skip
            self._scheduler.arrive(job, now_s)
            self._next += 1

    def _until(self, step: int, holds_for_steps: int, holds_until_s: float) -> int:
        """The next step at which something can change: never later than the decision holds."""
        events_s = [self._served[self._next].request.arrival_s] if self._next < len(self._served) else []
        events_s += [step * STEP_S + self._left_s(each) for each in self._running.values()]
        events_s.append(holds_until_s)
        first_s = min(events_s)
        first = ceil(first_s / STEP_S - 1e-9) if first_s < inf else step + holds_for_steps + 1
        return max(step + 1, min(first, step + holds_for_steps + 1))

    def _left_s(self, served: Served) -> float:
        return served.request.service_s + served.resumes * self._resume_cost_s - served.served_s

    def _preempt(self, request_id: int, now_s: float) -> None:
        served = self._running.pop(request_id)
        served.preemptions += 1
        served.waits_since_s = now_s

    def _start(self, request_id: int, now_s: float) -> None:
        served = self._running[request_id] = self._served[request_id]
        if served.served_s > 0:
            served.resumes += 1

    def _work(self, now_s: float, seconds: float) -> None:
        done = []
        for request_id, served in self._running.items():
            left_s = self._left_s(served)
            before = self._tokens(served)
            served.served_s += seconds
            if served.waits_since_s < inf and self._tokens(served) > before:
                token_s = served.request.kind.ttft_s if not before else 0.0
                served.stall_s = max(served.stall_s, now_s + token_s - served.waits_since_s)
                served.waits_since_s = inf
            if left_s <= seconds + 1e-9:
                served.finished_s = now_s + left_s
                done.append(request_id)
            else:
                self._scheduler.progress(request_id, self._tokens(served))
        for request_id in done:
            del self._running[request_id]
            self._scheduler.leave(request_id)

    def _tokens(self, served: Served) -> int:
        worked_s = served.served_s - served.resumes * self._resume_cost_s - served.request.kind.ttft_s
        return max(0, int(worked_s / served.request.kind.tbt_s))
