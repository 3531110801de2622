"""Random cases for the toy engine: requests, limits, memory, policies, and the times at which engines cannot cut."""

from dataclasses import dataclass

from hypothesis import strategies as st

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import StepLimits
from tests.fakes.counted_memory import CountedMemory
from tests.fakes.toy_engine import ConstantPace, MakeScheduler, ToyEngine, ToyRequest


@dataclass(frozen=True)
class ToyCase:
    """A case; `engine` makes a fresh engine of it each time."""

    rows: tuple[tuple[Job, int], ...]
    settings: SchedulerSettings
    limits: StepLimits
    memory_tokens: int
    keeps_state: bool
    pace: tuple[float, float]
    pins: frozenset[tuple[int, int]]
    """(step, request): the engine cannot cut the request at that step."""
    losses: frozenset[int]
    """Steps before which the whole batch is lost."""

    def engine(self, make: MakeScheduler = Scheduler, shift_s: float = 0.0) -> ToyEngine:
        requests = [ToyRequest(_shifted(job, shift_s), tokens) for job, tokens in self.rows]
        memory = CountedMemory(self.memory_tokens, self.keeps_state)
        engine = ToyEngine(requests, self.settings, self.limits, memory, ConstantPace(*self.pace), make=make)
        engine.start_s = shift_s
        engine.before_step = self._disturb
        return engine

    def _disturb(self, engine: ToyEngine, step: int) -> None:
        for number in range(len(self.rows)):
            if (step - 1, number) in self.pins:
                engine.scheduler.pin(number, False)
        for number in range(len(self.rows)):
            if (step, number) in self.pins:
                engine.scheduler.pin(number, True)
        if step in self.losses and engine.running:
            engine.lose(list(engine.running), engine.start_s + step * engine.step_s)


def _shifted(job: Job, shift_s: float) -> Job:
    return Job(
        job.request_id, job.arrival_s + shift_s, job.deadline_s + shift_s, job.prompt_tokens, job.max_new_tokens,
        job.answer, job.client, job.preemptible, job.stretch,
    )  # fmt: skip


@st.composite
def toy_jobs(draw: st.DrawFn, number: int) -> tuple[Job, int]:
    """A request and the true length of its answer; times are quarters of seconds, so that sums are exact."""
    tokens = draw(st.integers(1, 12))
    q50 = draw(st.integers(1, 20))
    arrival_s = draw(st.integers(0, 80)) / 4
    return Job(
        request_id=number,
        arrival_s=arrival_s,
        deadline_s=arrival_s + draw(st.integers(1, 160)) / 4,
        prompt_tokens=draw(st.integers(1, 30)),
        max_new_tokens=draw(st.integers(1, 24)),
        answer=AnswerLength(q50, q50 * draw(st.sampled_from([1.0, 1.5, 3.0]))),
        client=draw(st.sampled_from("abc")),
        preemptible=draw(st.integers(0, 4)) > 0,
        stretch=draw(st.sampled_from([None, 1.5, 3.0])),
    ), tokens


@st.composite
def toy_cases(draw: st.DrawFn, most: int = 10, policies: tuple[Policy, ...] = tuple(Policy)) -> ToyCase:
    """A whole case; requests that can never fit are refused by its settings."""
    count = draw(st.integers(1, most))
    memory_tokens = draw(st.integers(30, 160))
    steps, numbers = st.integers(0, 40), st.integers(0, count - 1)
    return ToyCase(
        rows=tuple(draw(toy_jobs(number)) for number in range(count)),
        settings=SchedulerSettings(
            policy=draw(st.sampled_from(policies)),
            total_tokens_limit=memory_tokens,
            waiting_limit=draw(st.sampled_from([3, 1000])),
            review_s=draw(st.sampled_from([0.5, 4.0])),
            stall_limit_s=draw(st.sampled_from([3.0, 15.0])),
        ),
        limits=StepLimits(draw(st.integers(1, 4)), draw(st.integers(1, 60)), draw(st.booleans())),
        memory_tokens=memory_tokens,
        keeps_state=draw(st.booleans()),
        pace=(1.0, draw(st.sampled_from([0.0, 0.0625]))),
        pins=draw(st.frozensets(st.tuples(steps, numbers), max_size=12)),
        losses=draw(st.frozensets(st.integers(1, 40), max_size=2)),
    )
