"""StepChoice: what is tried and given up, who is dropped, and how prompts share a step."""

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.entry import Entry, Place
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.step_choice import StepChoice
from freesh_plugin.runtime.step_decision import StepLimits
from tests.fakes.counted_memory import CountedMemory


def entry(memory: CountedMemory, number: int, prompt: int, answer: int, place: Place, generated: int = 0) -> Entry:
    """A request at its place, in the books too; one that is parked keeps its state."""
    found = Entry(Job(number, 0.0, 10.0, prompt, answer, AnswerLength(answer, answer)))
    found.place, found.generated = place, generated
    memory.register(number, prompt, prompt + answer)
    memory.holdings[number].generated = generated
    if place is Place.RUNNING:
        memory.start(number)
    elif place is Place.PARKED:
        memory.park(number)
    return found


def ids(entries: list[Entry]) -> list[int]:
    return [each.request_id for each in entries]


def test_what_a_parked_request_keeps_goes_before_anybody_is_preempted() -> None:
    memory = CountedMemory(40)
    running = entry(memory, 1, 5, 10, Place.RUNNING)
    parked = entry(memory, 2, 15, 10, Place.PARKED)
    urgent = entry(memory, 3, 10, 10, Place.WAITING)
    choice = StepChoice(memory, StepLimits(4, 1000), 1)
    assert choice.join(urgent, iter([running]), [parked])
    assert (ids(choice.changes.drop), ids(choice.changes.preempt)) == ([2], [])


def test_a_victim_gives_up_even_what_it_would_keep_when_nothing_else_helps() -> None:
    memory = CountedMemory(30)
    running = entry(memory, 1, 12, 12, Place.RUNNING, generated=3)
    urgent = entry(memory, 2, 10, 15, Place.WAITING)
    choice = StepChoice(memory, StepLimits(4, 1000), 1)
    assert choice.join(urgent, iter([running]), [])
    assert (ids(choice.changes.preempt), ids(choice.changes.drop)) == ([1], [1])


def test_what_does_not_fit_leaves_no_trace() -> None:
    memory = CountedMemory(30)
    running = entry(memory, 1, 5, 10, Place.RUNNING)
    parked = entry(memory, 2, 5, 5, Place.PARKED)
    too_large = entry(memory, 3, 20, 15, Place.WAITING)
    fits = entry(memory, 4, 3, 4, Place.WAITING)
    choice = StepChoice(memory, StepLimits(2, 1000), 1)
    assert not choice.join(too_large, iter([running]), [parked])
    assert choice.free_slots == 1
    assert choice.join(fits, iter([]), [])
    assert (ids(choice.changes.join), choice.changes.preempt, choice.changes.drop) == ([4], [], [])


def test_a_parked_request_that_joins_keeps_its_state() -> None:
    memory = CountedMemory(40)
    first, second = (entry(memory, number, 15, 3, Place.PARKED) for number in (1, 2))
    urgent = entry(memory, 3, 10, 10, Place.WAITING)
    choice = StepChoice(memory, StepLimits(4, 1000), 0)
    assert choice.join(first, iter([]), [])
    assert choice.join(urgent, iter([]), [first, second])
    assert ids(choice.changes.drop) == [2]


def test_only_what_comes_last_is_computed_in_part() -> None:
    memory = CountedMemory(1000, keeps_state=False)
    admitted = entry(memory, 1, 30, 5, Place.WAITING)
    parked = entry(memory, 2, 80, 20, Place.PARKED, generated=10)
    another = entry(memory, 3, 80, 5, Place.WAITING)
    choice = StepChoice(memory, StepLimits(4, 100, chunked=True), 0)
    assert choice.join(admitted, iter([]), [])
    assert not choice.join(parked, iter([]), [])  # it would be resumed before the other is admitted
    assert choice.short_of_prefill
    assert choice.join(another, iter([]), [])
    assert not choice.join(entry(memory, 4, 1, 1, Place.WAITING), iter([]), [])  # nothing is left


def test_waits_add_up_over_preemptions() -> None:
    found = Entry(Job(1, 10.0, 50.0, 5, 5, AnswerLength(5, 5)))
    found.join(14.0)
    found.park(20.0)
    assert found.waited_by(23.0) == 4 + 3
    found.join(23.0)
    assert found.waited_by(99.0) == 7
