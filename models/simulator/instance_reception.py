"""What a simulated instance promises a request when it arrives, as the live router's reception does."""

from dataclasses import replace
from math import inf

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.core.plan import Slo
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.pace import Pace
from models.domain.workload import WorkloadRequest
from models.simulator.instance_types import Arrival


class InstanceReception:
    """Turns arrivals into jobs.

    Attributes:
        slo: The service level in force; None = nothing is promised.
    """

    def __init__(self, pace: Pace, deadline_factor: float) -> None:
        """Without a promised latency, the deadline is so many times the predicted service time."""
        self._pace = pace
        self._deadline_factor = deadline_factor
        self.slo: Slo | None = None

    def job_of(self, arrival: Arrival) -> Job:
        """The request as the scheduler sees it: a promised deadline, or one that moves with the answer's length."""
        job = _job(arrival, _predicted(arrival.request))
        slo = self.slo or _NOTHING_PROMISED
        first_due_s = arrival.at_s + slo.ttft_s if slo.ttft_s > 0 else None
        if slo.latency_s > 0:
            return replace(job, deadline_s=arrival.at_s + slo.latency_s, first_due_s=first_due_s)
        factor = self._deadline_factor
        due_s = arrival.at_s + factor * self._pace.service_s(job, job.prompt_tokens, job.answer.q50)
        return replace(job, deadline_s=due_s, stretch=factor, first_due_s=first_due_s)


_NOTHING_PROMISED = Slo(latency_s=0.0, ttft_s=0.0, tbt_s=0.0)


def _predicted(request: WorkloadRequest) -> AnswerLength:
    """Never above what the answer may have, as the live router's estimators say it."""
    answer, most = request.estimate, float(request.max_new_tokens)
    return answer if answer.q90 <= most else AnswerLength(min(answer.q50, most), most)


def _job(arrival: Arrival, answer: AnswerLength) -> Job:
    request = arrival.request
    return Job(
        request_id=arrival.request_id,
        arrival_s=arrival.at_s,
        deadline_s=inf,
        prompt_tokens=request.prompt_tokens,
        max_new_tokens=request.max_new_tokens,
        answer=answer,
        client=str(request.client),
    )
