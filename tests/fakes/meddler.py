"""A scheduler that preempts at random moments whom it likes: what comes out must be as if it had not."""

import random
from dataclasses import replace

from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.memory import Memory
from freesh_plugin.runtime.pace import Pace
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import Refusal, StepDecision, StepLimits


class Meddler(Scheduler):
    """Decides as the scheduler does, and then takes some running requests out, and drops what some of them keep."""

    def __init__(
        self, settings: SchedulerSettings, pace: Pace, memory: Memory, seed: int, often: float, drops: float
    ) -> None:
        """Preempt in a share `often` of the steps, and drop the state of a share `drops` of those."""
        super().__init__(settings, pace, memory)
        self._random = random.Random(seed)
        self._often = often
        self._drops = drops
        self._pinned: set[int] = set()
        self._for_good: set[int] = set()
        self.meddled = 0

    def arrive(self, job: Job, now_s: float) -> Refusal | None:
        """Remember who must not be cut."""
        if not job.preemptible:
            self._for_good.add(job.request_id)
        return super().arrive(job, now_s)

    def pin(self, request_id: int, pinned: bool) -> None:
        """Remember who cannot be cut now."""
        (self._pinned.add if pinned else self._pinned.discard)(request_id)
        super().pin(request_id, pinned)

    def decide(self, limits: StepLimits, now_s: float) -> StepDecision:
        """The scheduler's decision, with victims of our own."""
        decision = super().decide(limits, now_s)
        cuttable = [each for each in decision.keep if each not in self._pinned | self._for_good]
        if decision.changes or not cuttable or self._random.random() >= self._often:
            return decision
        victims = tuple(self._random.sample(cuttable, self._random.randint(1, min(3, len(cuttable)))))
        dropped = tuple(each for each in victims if self._random.random() < self._drops)
        self.meddled += len(victims)
        self.left_batch(victims, now_s)
        keep = tuple(each for each in decision.keep if each not in victims)
        return replace(decision, preempt=victims, drop=dropped, keep=keep, holds_for_steps=0)
