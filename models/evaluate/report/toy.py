"""The paper's figure 4: three requests on one server, a token a second, ordered by the scheduler of the runtime."""

from dataclasses import dataclass

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import StepLimits
from freesh_plugin.runtime.unlimited_memory import UnlimitedMemory

TOKENS = (10, 2, 1)
"""Answers of R0, R1, R2, which arrive at 0, 1 and 2 s."""
_STRETCH = 2.0
"""A deadline is the arrival plus so many times the service."""


@dataclass(frozen=True)
class ToyRun:
    """What one order gives.

    Attributes:
        policy: The order.
        served: Which request got its token in each second.
    """

    policy: Policy
    served: tuple[int, ...]

    def first_s(self, request: int) -> float:
        """From its arrival to its first token, seconds."""
        return self.served.index(request) + 1.0 - request

    def latency_s(self, request: int) -> float:
        """From its arrival to its last token, seconds."""
        return len(self.served) - self.served[::-1].index(request) - float(request)

    @property
    def mean_first_s(self) -> float:
        """Mean TTFT over the three."""
        return sum(map(self.first_s, range(len(TOKENS)))) / len(TOKENS)

    @property
    def mean_latency_s(self) -> float:
        """Mean latency over the three."""
        return sum(map(self.latency_s, range(len(TOKENS)))) / len(TOKENS)

    @property
    def slowdowns(self) -> list[float]:
        """Latency over service of each."""
        return [self.latency_s(each) / tokens for each, tokens in enumerate(TOKENS)]


class _Pace:
    """A second a token; prompts take no time."""

    revision = 0
    held_up = 1.0

    def service_s(self, job: Job, prefill_tokens: float, decode_tokens: float) -> float:
        """Seconds of the remaining work."""
        return decode_tokens


def toy_run(policy: Policy) -> ToyRun:
    """Serve the three under one order; the schedule is revised every second."""
    scheduler = Scheduler(SchedulerSettings(policy=policy), _Pace(), UnlimitedMemory())
    generated = [0] * len(TOKENS)
    served: list[int] = []
    running: set[int] = set()
    while sum(generated) < sum(TOKENS):
        now_s = float(len(served))
        if len(served) < len(TOKENS):
            scheduler.arrive(_job(len(served)), now_s)
        decision = scheduler.decide(StepLimits(batch=1, prefill_tokens=1_000), now_s)
        running = (running - set(decision.preempt)) | set(decision.resume) | set(decision.admit)
        (request,) = running
        served.append(request)
        generated[request] += 1
        if generated[request] == TOKENS[request]:
            scheduler.leave(request)
            running.clear()
        else:
            scheduler.progress(request, generated[request])
    return ToyRun(policy, tuple(served))


def _job(number: int) -> Job:
    tokens = TOKENS[number]
    answer = AnswerLength(float(tokens), float(tokens))
    return Job(number, float(number), number + _STRETCH * tokens, 1, tokens, answer, str(number))
