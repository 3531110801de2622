"""What happens when a run fails or is late: which errors are tried again, how often, and who is told."""

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

log = logging.getLogger(__name__)

RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="freesh_plugin.core.errors.SourceError",
            action=RetryAction.RETRY,
            reason="A provider or a runtime did not answer; it may at the next try.",
        ),
        RetryRule(
            exception="freesh_plugin.core.errors.FreeshError",
            action=RetryAction.FAIL,
            reason="The input is wrong: the next try would fail in the same way.",
        ),
    ]
)
"""SourceError is listed first because it is a FreeshError. Everything else keeps Airflow's own rule: retry."""

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "freesh",
    "retries": 2,
    "retry_delay": timedelta(seconds=15),
    "retry_policy": RETRY_POLICY,
    # Two tries of this length, and the pause between them, fit into the ten minutes before the slot.
    "execution_timeout": timedelta(minutes=4),
}


def plan_is_late(*, context: dict[str, Any]) -> None:
    """Say that a plan was not acknowledged in time; routing, SLOs and clocks then follow the plan in force."""
    log.error(
        "LATE: run %s of %s missed %s; the runtimes keep the plan in force, marked stale 30 minutes after its start",
        context["dag_run"].get("dag_run_id"),
        context["dag_run"].get("dag_id"),
        context["deadline"].get("deadline_time"),
    )


ACKNOWLEDGED_BEFORE_SLOT = DeadlineAlert(
    name="acknowledged before the slot starts",
    reference=DeadlineReference.DAGRUN_QUEUED_AT,
    # The forecasts take up to a minute or two of the ten minutes of lead; the plan has the next eight.
    interval=timedelta(minutes=8),
    callback=SyncCallback("dags.policy.plan_is_late"),
)
"""Runs in the executor, so no triggerer is needed."""
