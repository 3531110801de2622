"""An engine of a few lines that carries a scheduler's decisions out, a token a request and step, and checks them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.memory import Memory
from freesh_plugin.runtime.pace import Pace
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import StepDecision, StepLimits
from tests.fakes.counted_memory import CountedMemory

MakeScheduler = Callable[[SchedulerSettings, Pace, Memory], Scheduler]


class ConstantPace:
    """A second a token; a prompt token takes `prefill_s`."""

    revision = 0
    held_up = 1.0

    def __init__(self, tbt_s: float = 1.0, prefill_s: float = 0.0) -> None:
        self.tbt_s = tbt_s
        self.prefill_s = prefill_s

    def service_s(self, job: Job, prefill_tokens: float, decode_tokens: float) -> float:
        return prefill_tokens * self.prefill_s + decode_tokens * self.tbt_s


@dataclass
class ToyRequest:
    """A request with what the scheduler does not know: how long its answer is."""

    job: Job
    tokens: int
    generated: int = 0
    finished_s: float | None = None
    refused: bool = False


@dataclass
class ToyEngine:
    """Runs requests in steps of `step_s`; every decision is checked against limits, memory and common sense."""

    requests: Sequence[ToyRequest]
    settings: SchedulerSettings
    limits: StepLimits
    memory: CountedMemory
    pace: ConstantPace = field(default_factory=ConstantPace)
    step_s: float = 1.0
    make: MakeScheduler = Scheduler
    running: list[int] = field(default_factory=list)
    batches: list[list[int]] = field(default_factory=list)
    decisions: list[StepDecision] = field(default_factory=list)
    before_step: Callable[["ToyEngine", int], None] = lambda engine, step: None
    start_s: float = 0.0

    def __post_init__(self) -> None:
        self.by_id = {each.job.request_id: each for each in self.requests}
        self.coming = sorted(self.requests, key=lambda each: each.job.arrival_s)
        self.alive: set[int] = set()
        self.ran: set[int] = set()
        self.scheduler = self.make(self.settings, self.pace, self.memory)

    def run(self, most_steps: int = 10_000) -> None:
        """Until all requests are done."""
        step = 0
        while self.coming or self.alive:
            assert step < most_steps, f"{len(self.alive)} requests are still here after {step} steps"
            self.step(step)
            step += 1

    def step(self, step: int) -> StepDecision:
        now_s = self.start_s + step * self.step_s
        while self.coming and self.coming[0].job.arrival_s <= now_s:
            self._arrive(self.coming.pop(0), now_s)
        self.before_step(self, step)
        decision = self.scheduler.decide(self.limits, now_s)
        self._carry_out(decision)
        self.decisions.append(decision)
        self.batches.append(list(self.running))
        self._compute(now_s + self.step_s)
        return decision

    def leave(self, request_id: int) -> None:
        """A client hangs up."""
        self.scheduler.leave(request_id)
        self.memory.release(request_id)
        self.alive.remove(request_id)
        if request_id in self.running:
            self.running.remove(request_id)

    def lose(self, request_ids: list[int], now_s: float) -> None:
        """A batch is lost, with all that was kept."""
        for request_id in request_ids:
            self.running.remove(request_id)
            self.memory.park(request_id)
            self.memory.drop(request_id)
        self.scheduler.left_batch(request_ids, now_s)

    def _arrive(self, request: ToyRequest, now_s: float) -> None:
        job = request.job
        self.memory.register(job.request_id, job.prompt_tokens, job.prompt_tokens + job.max_new_tokens)
        if self.scheduler.arrive(job, now_s) is not None:
            request.refused = True
            self.memory.release(job.request_id)
            return
        self.alive.add(job.request_id)

    def _carry_out(self, decision: StepDecision) -> None:
        keeps = [each for each in self.running if each not in decision.preempt]
        assert sorted(decision.keep) == sorted(keeps)
        assert set(decision.preempt) <= set(self.running)
        for request_id in decision.preempt:
            self.memory.park(request_id)
        for request_id in decision.drop:
            self.memory.drop(request_id)
        joining = (*decision.resume, *decision.admit)
        assert len(set(joining)) == len(joining)
        assert not set(joining) & set(self.running)
        assert all(each in self.ran for each in decision.resume)
        assert not any(each in self.ran for each in decision.admit)
        self._check_prefill(joining)
        self.running = keeps
        for request_id in joining:
            self.memory.start(request_id)
            self.running.append(request_id)
            self.ran.add(request_id)
        assert len(self.running) <= self.limits.batch

    def _check_prefill(self, joining: Sequence[int]) -> None:
        tokens = [self.memory.prefill_tokens(each) for each in joining]
        within = sum(tokens) <= self.limits.prefill_tokens
        partly = self.limits.chunked and sum(tokens[:-1]) < self.limits.prefill_tokens
        assert within or partly or len(tokens) == 1, f"prompts of {tokens} tokens in one step"

    def _compute(self, end_s: float) -> None:
        for request_id in list(self.running):
            request = self.by_id[request_id]
            request.generated += 1
            self.memory.holdings[request_id].generated += 1
            if request.generated >= min(request.tokens, request.job.max_new_tokens):
                request.finished_s = end_s
                self.leave(request_id)
            else:
                self.scheduler.progress(request_id, request.generated)
