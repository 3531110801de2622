"""The scheduler, with first come, first served in its place should it ever raise: requests are served all the same."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from freesh_plugin.runtime.governor_signals import NOTHING_DUE, Dues
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.memory import Memory
from freesh_plugin.runtime.pace import Pace
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import Refusal, StepDecision, StepLimits

log = logging.getLogger(__name__)

MakeScheduler = Callable[[SchedulerSettings, Pace, Memory], Scheduler]


class GuardedScheduler:
    """Hands everything on to a scheduler, and knows who waits and who runs: another can take over at any step."""

    def __init__(
        self,
        settings: SchedulerSettings,
        pace: Pace,
        memory: Memory,
        scheduler_of: MakeScheduler = Scheduler,
        on_fault: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_fault` is called when the scheduler has raised and is given up."""
        self._settings = settings
        self._pace = pace
        self._memory = memory
        self._scheduler = scheduler_of(settings, pace, memory)
        self._on_fault = on_fault
        self._given_up = False
        self._jobs: dict[int, Job] = {}
        self._running: dict[int, int] = {}
        """Tokens that each running request has."""
        self._pinned: set[int] = set()
        self._now_s = 0.0

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return self._scheduler.waiting

    def dues(self, now_s: float) -> Dues:
        """What was promised and is not there yet."""
        try:
            return self._scheduler.dues(now_s)
        except Exception:  # it only saves: whatever it is, requests are served
            log.exception("dues_not_known")
            return NOTHING_DUE

    def arrive(self, job: Job, now_s: float) -> Refusal | None:
        """Queue a request, or refuse it at once."""
        self._now_s = now_s
        refusal = None
        try:
            refusal = self._scheduler.arrive(job, now_s)
        except Exception as error:  # noqa: BLE001  # whatever it is, requests are served
            self._fall_back(error)
            refusal = self._scheduler.arrive(job, now_s)
        if refusal is None:
            self._jobs[job.request_id] = job
        return refusal

    def leave(self, request_id: int) -> None:
        """Forget a request."""
        self._jobs.pop(request_id, None)
        self._running.pop(request_id, None)
        self._pinned.discard(request_id)
        self._tell(lambda scheduler: scheduler.leave(request_id))

    def progress_all(self, generated: Iterable[tuple[int, int]]) -> None:
        """Tell how many tokens running requests have now: (id, tokens) pairs."""
        pairs = [(request_id, tokens) for request_id, tokens in generated if request_id in self._running]
        self._running.update(pairs)
        self._tell(lambda scheduler: scheduler.progress_all(pairs))

    def pin(self, request_id: int, pinned: bool) -> None:
        """Tell whether the engine can cut a request right now."""
        (self._pinned.add if pinned else self._pinned.discard)(request_id)
        self._tell(lambda scheduler: scheduler.pin(request_id, pinned))

    def left_batch(self, request_ids: Iterable[int], now_s: float) -> None:
        """Tell that running requests are out of the batch against the scheduler's will: they wait to be resumed."""
        ids = list(request_ids)
        for request_id in ids:
            self._running.pop(request_id, None)
        self._tell(lambda scheduler: scheduler.left_batch(ids, now_s))

    def decide(self, limits: StepLimits, now_s: float) -> StepDecision:
        """Decide on the next step; the caller carries it out."""
        self._now_s = now_s
        try:
            decision = self._scheduler.decide(limits, now_s)
        except Exception as error:  # noqa: BLE001  # whatever it is, requests are served
            self._fall_back(error)
            decision = self._scheduler.decide(limits, now_s)
        if decision.changes:
            for request_id in decision.preempt:
                self._running.pop(request_id, None)
            self._running.update((request_id, 0) for request_id in (*decision.resume, *decision.admit))
        return decision

    def _tell(self, what: Callable[[Scheduler], None]) -> None:
        try:
            what(self._scheduler)
        except Exception as error:  # noqa: BLE001  # whatever it is, requests are served
            self._fall_back(error)  # another one is told all that is so now

    def _fall_back(self, error: Exception) -> None:
        """Put first come, first served in its place, once; what raises then is not to be helped."""
        if self._given_up:
            raise error
        log.exception("scheduler_given_up: first come, first served from here on")
        self._given_up = True
        self._on_fault()
        self._scheduler = Scheduler(replace(self._settings, policy=Policy.FCFS), self._pace, self._memory)
        for request_id, job in sorted(self._jobs.items(), key=lambda item: item[1].arrival_s):
            if request_id in self._running:
                self._scheduler.adopt(job, self._running[request_id], self._now_s)
            else:
                self._scheduler.arrive(job, self._now_s)
            self._scheduler.pin(request_id, request_id in self._pinned)
