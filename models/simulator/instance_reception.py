"""What a simulated instance promises a request when it arrives, as the live router's reception does."""

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
        promised_s = self.slo.latency_s if self.slo else 0.0
        answer = _predicted(arrival.request)
        if promised_s > 0:
            return _job(arrival, answer, arrival.at_s + promised_s, None)
        job = _job(arrival, answer, inf, None)
        service_s = self._pace.service_s(job, job.prompt_tokens, answer.q50)
        return _job(arrival, answer, arrival.at_s + self._deadline_factor * service_s, self._deadline_factor)


def _predicted(request: WorkloadRequest) -> AnswerLength:
    """Never above what the answer may have, as the live router's estimators say it."""
    answer, most = request.estimate, float(request.max_new_tokens)
    return answer if answer.q90 <= most else AnswerLength(min(answer.q50, most), most)


def _job(arrival: Arrival, answer: AnswerLength, deadline_s: float, stretch: float | None) -> Job:
    request = arrival.request
    return Job(
        request_id=arrival.request_id,
        arrival_s=arrival.at_s,
        deadline_s=deadline_s,
        prompt_tokens=request.prompt_tokens,
        max_new_tokens=request.max_new_tokens,
        answer=answer,
        client=str(request.client),
        stretch=stretch,
    )
