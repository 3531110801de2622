"""Answers of pace and memory, recorded in the order in which the scheduler asked, and given again from a record."""

from collections import deque

from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.memory import Memory, MemoryTrial
from freesh_plugin.runtime.pace import Pace


class RecordedPace:
    """Asks another pace and notes its answers."""

    def __init__(self, pace: Pace, answers: list[float]) -> None:
        self._pace = pace
        self._answers = answers

    @property
    def revision(self) -> int:
        """The other's revision."""
        return int(_noted(self._answers, self._pace.revision))

    @property
    def held_up(self) -> float:
        """The other's answer."""
        return _noted(self._answers, self._pace.held_up)

    def service_s(self, job: Job, prefill_tokens: float, decode_tokens: float) -> float:
        """The other's answer."""
        return _noted(self._answers, self._pace.service_s(job, prefill_tokens, decode_tokens))


class RecordedMemory:
    """Asks another memory and notes its answers."""

    def __init__(self, memory: Memory, answers: list[float]) -> None:
        self._memory = memory
        self._answers = answers

    def trial(self) -> MemoryTrial:
        """A trial of the other, noted too."""
        return _RecordedTrial(self._memory.trial(), self._answers)

    def prefill_tokens(self, request_id: int) -> int:
        """The other's answer."""
        return int(_noted(self._answers, self._memory.prefill_tokens(request_id)))

    def resume_tokens(self, request_id: int) -> int:
        """The other's answer."""
        return int(_noted(self._answers, self._memory.resume_tokens(request_id)))

    def keeps(self, request_id: int) -> bool:
        """The other's answer."""
        return bool(_noted(self._answers, self._memory.keeps(request_id)))


class _RecordedTrial:
    def __init__(self, trial: MemoryTrial, answers: list[float]) -> None:
        self._trial = trial
        self._answers = answers

    def add(self, request_id: int) -> bool:
        return bool(_noted(self._answers, self._trial.add(request_id)))

    def park(self, request_id: int) -> None:
        self._trial.park(request_id)

    def drop(self, request_id: int) -> None:
        self._trial.drop(request_id)


class AnsweringPace:
    """A pace that answers from a record."""

    def __init__(self, answers: deque[float]) -> None:
        self._answers = answers

    @property
    def revision(self) -> int:
        """The next answer."""
        return int(self._answers.popleft())

    @property
    def held_up(self) -> float:
        """The next answer."""
        return self._answers.popleft()

    def service_s(self, job: Job, prefill_tokens: float, decode_tokens: float) -> float:
        """The next answer."""
        return self._answers.popleft()


class AnsweringMemory:
    """A memory, and its trial, that answer from a record."""

    def __init__(self, answers: deque[float]) -> None:
        self._answers = answers

    def trial(self) -> "AnsweringMemory":
        """Itself."""
        return self

    def prefill_tokens(self, request_id: int) -> int:
        """The next answer."""
        return int(self._answers.popleft())

    def resume_tokens(self, request_id: int) -> int:
        """The next answer."""
        return int(self._answers.popleft())

    def keeps(self, request_id: int) -> bool:
        """The next answer."""
        return bool(self._answers.popleft())

    def add(self, request_id: int) -> bool:
        """The next answer."""
        return bool(self._answers.popleft())

    def park(self, request_id: int) -> None:
        """Nothing was answered."""

    def drop(self, request_id: int) -> None:
        """Nothing was answered."""


def _noted(answers: list[float], answer: float) -> float:
    answers.append(float(answer))
    return answer
