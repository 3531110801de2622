"""Admission control: which requests are refused when they arrive, and why."""

from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import Refusal


def refusal_of(job: Job, waiting: int, settings: SchedulerSettings) -> Refusal | None:
    """Why a request is refused while so many wait; None = it may wait."""
    limit = settings.total_tokens_limit
    total = job.prompt_tokens + job.max_new_tokens
    if limit is not None and total > limit:
        reason = f"{total} tokens of prompt and answer can never fit, limit {limit} tokens"
        return Refusal(job.request_id, "too_long", reason)
    if waiting >= settings.waiting_limit:
        reason = f"{waiting} requests wait already, limit {settings.waiting_limit}"
        return Refusal(job.request_id, "queue_full", reason)
    return None
