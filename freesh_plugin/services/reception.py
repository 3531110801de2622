"""What happens to a request when it arrives: its answer's length is predicted, its class and deadline are found."""

from dataclasses import replace
from math import inf

from freesh_plugin.adapters.router_metrics import RouterMetrics
from freesh_plugin.core.generation import GenerationRequest
from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.ports import LengthEstimator
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.pace import Pace
from freesh_plugin.runtime.service_levels import ANY_ORIGIN, ServiceLevel, ServiceLevels
from freesh_plugin.runtime.serving import Serving

_Q90_OVER_Q50 = 2.0


class Reception:
    """Turns requests into jobs under the service levels of the plan in force, and counts offered and served load."""

    def __init__(
        self,
        levels: ServiceLevels,
        estimator: LengthEstimator,
        pace: Pace,
        metrics: RouterMetrics,
        location: str | None,
    ) -> None:
        """`levels` may be replaced at any time, when another plan comes into force."""
        self.levels = levels
        self._estimator = estimator
        self._pace = pace
        self._metrics = metrics
        self._location = location or "default"

    def job_of(self, serving: Serving) -> tuple[Job, ServiceLevel]:
        """The request as the scheduler sees it, and what it is promised; counts its arrival."""
        request = serving.request
        job = Job(
            request_id=request.request_id,
            arrival_s=request.arrival_s,
            deadline_s=inf,
            prompt_tokens=len(request.prompt_ids),
            max_new_tokens=request.max_new_tokens,
            answer=self._predicted(request),
            client=request.wish.client,
            preemptible=serving.restorable,
        )
        predicted_s = self._pace.service_s(job, job.prompt_tokens, job.answer.q50)
        level = self.levels.of(request, job.answer.q50, predicted_s)
        self._metrics.arrivals.labels(*self._where(level), level.prompt_cell, level.predicted_cell).inc()
        stretch = None if level.promised else self.levels.deadline_factor
        job = replace(job, deadline_s=level.deadline_s, stretch=stretch, first_due_s=level.first_due_s)
        return job, level

    def note_end(self, serving: Serving, level: ServiceLevel, now_s: float) -> None:
        """Count a whole answer, and learn from its length."""
        request = serving.request
        self._estimator.observe(len(request.prompt_ids), serving.generated, request.wish.client)
        answer_cell = self.levels.answer_cell(serving.generated)
        self._metrics.requests.labels(*self._where(level), level.prompt_cell, answer_cell).inc()
        if now_s > level.deadline_s:
            self._metrics.deadline_misses.labels(level.request_class, level.tier).inc()

    def _predicted(self, request: GenerationRequest) -> AnswerLength:
        wish = request.wish
        if wish.trusted and wish.predicted_tokens:
            q50 = float(min(wish.predicted_tokens, request.max_new_tokens))
            return AnswerLength(q50, _Q90_OVER_Q50 * q50)
        return self._estimator.estimate(len(request.prompt_ids), request.max_new_tokens, wish.client)

    def _where(self, level: ServiceLevel) -> tuple[str, str, str, str]:
        return self._location, ANY_ORIGIN, level.model, level.tier
