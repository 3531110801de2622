"""The scheduler under random requests, limits, memory, pins and losses: what holds whatever happens."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.decision_log import DecisionRecord, LoggedScheduler, replay
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.memory import Memory
from freesh_plugin.runtime.pace import Pace
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import Refusal, StepDecision, StepLimits
from tests.fakes.counted_memory import CountedMemory
from tests.fakes.toy_engine import ToyEngine, ToyRequest
from tests.fakes.toy_strategy import ToyCase, toy_cases


@given(toy_cases())
@settings(max_examples=300, deadline=None)
def test_every_request_is_served_once_or_refused_within_all_budgets(case: ToyCase) -> None:
    engine = case.engine()
    engine.run()  # asserts batch size, prompt tokens, memory, and who may join and leave, at every step
    for request in engine.requests:
        wanted = min(request.tokens, request.job.max_new_tokens)
        assert request.refused or (request.generated == wanted and request.finished_s is not None)
    assert engine.scheduler.waiting == engine.scheduler.running == 0
    assert engine.memory.used == 0


@given(toy_cases())
@settings(max_examples=200, deadline=None)
def test_pinned_and_unrestorable_requests_are_never_preempted(case: ToyCase) -> None:
    engine = case.engine()
    engine.run()
    for step, decision in enumerate(engine.decisions):
        for request_id in decision.preempt:
            assert engine.by_id[request_id].job.preemptible
            assert (step, request_id) not in case.pins


@given(toy_cases(), st.sampled_from([-4096.0, 1024.0, 1_000_000.0]))
@settings(max_examples=200, deadline=None)
def test_decisions_do_not_depend_on_where_the_clock_starts(case: ToyCase, shift_s: float) -> None:
    here, there = case.engine(), case.engine(shift_s=shift_s)
    here.run()
    there.run()
    assert here.batches == there.batches
    for ours, theirs in zip(here.decisions, there.decisions, strict=True):
        assert replace(theirs, holds_until_s=0) == replace(ours, holds_until_s=0)
        assert theirs.holds_until_s == ours.holds_until_s + shift_s


class Promises(Scheduler):
    """Checks that nothing changes while what a decision has promised stands."""

    def __init__(self, chosen: SchedulerSettings, pace: Pace, memory: Memory) -> None:
        super().__init__(chosen, pace, memory)
        self.promises: list[tuple[int, float]] = []

    def arrive(self, job: Job, now_s: float) -> Refusal | None:
        refusal = super().arrive(job, now_s)
        if refusal is None:
            self.promises.clear()
        return refusal

    def leave(self, request_id: int) -> None:
        self.promises.clear()
        super().leave(request_id)

    def pin(self, request_id: int, pinned: bool) -> None:
        self.promises.clear()
        super().pin(request_id, pinned)

    def left_batch(self, request_ids: object, now_s: float) -> None:
        self.promises.clear()
        super().left_batch(request_ids, now_s)  # type: ignore[arg-type]

    def decide(self, limits: StepLimits, now_s: float) -> StepDecision:
        decision = super().decide(limits, now_s)
        standing = [(steps - 1, until_s) for steps, until_s in self.promises if steps > 0 and now_s < until_s]
        assert not (standing and decision.changes)
        self.promises = [*standing, (decision.holds_for_steps, decision.holds_until_s)]
        return decision


@given(toy_cases())
@settings(max_examples=300, deadline=None)
def test_a_decision_holds_for_as_long_as_it_says(case: ToyCase) -> None:
    case.engine(make=Promises).run()


@given(toy_cases())
@settings(max_examples=100, deadline=None)
def test_a_log_makes_every_decision_again(case: ToyCase) -> None:
    lines: list[bytes] = []

    def logged(chosen: SchedulerSettings, pace: Pace, memory: Memory) -> Scheduler:
        return LoggedScheduler(chosen, pace, memory, lambda record: lines.append(record.to_json()))

    engine = case.engine(make=logged)
    engine.run()
    records = [DecisionRecord.from_json(line) for line in lines]
    assert [record.decision.admit for record in records] == [decision.admit for decision in engine.decisions]
    assert list(replay(records, case.settings)) == []


@given(toy_cases(policies=(Policy.FCFS,)))
@settings(max_examples=100, deadline=None)
def test_fcfs_starts_requests_in_the_order_of_their_arrival_and_preempts_nobody(case: ToyCase) -> None:
    engine = case.engine()
    engine.run()
    started = [each for decision in engine.decisions for each in decision.admit]
    arrivals = [engine.by_id[each].job.arrival_s for each in started]
    assert arrivals == sorted(arrivals)
    assert not any(decision.preempt for decision in engine.decisions)


@given(st.lists(st.integers(1, 4), min_size=20, max_size=60), st.integers(2, 4), st.integers(20, 40))
@settings(max_examples=60, deadline=None)
def test_nobody_waits_without_bound_while_more_urgent_requests_keep_coming(
    short: list[int], batch: int, long: int
) -> None:
    """More work arrives each second than is done, all of it more urgent than one long and late request."""
    limit_s = 6.0
    jobs = [ToyRequest(_job(0, 0.0, long, 1.0), long)]
    jobs += [ToyRequest(_job(n, (n - 1) / (batch * 2), tokens, 500.0), tokens) for n, tokens in enumerate(short, 1)]
    engine = ToyEngine(
        jobs,
        SchedulerSettings(stall_limit_s=limit_s),
        StepLimits(batch, 1000),
        CountedMemory(100_000),
    )
    engine.run()
    seen = [step for step, running in enumerate(engine.batches) if 0 in running]
    gaps = [after - before for before, after in zip([0, *seen], seen, strict=False)]
    # An eighth of the engine rescues, a step each: at worst all others that have stalled come first.
    assert max(gaps) <= 1.2 * limit_s + len(jobs) * 8 / batch + 2


def _job(number: int, arrival_s: float, tokens: int, within_s: float) -> Job:
    return Job(number, arrival_s, arrival_s + within_s, 1, tokens, AnswerLength(tokens, tokens))
