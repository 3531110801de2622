"""Every five minutes: did something happen that the plan did not foresee? Then its slot is planned again."""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import CronTriggerTimetable, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.policy import DEFAULT_ARGS
from dags.slots import SCHEDULED_FROM, is_backfill

DOC = """
### Watch: what the plan did not foresee

A plan is made ten minutes before its slot. This DAG looks, every five minutes, for what has happened since, and has
`freesh_plan` plan the slot again, **once for each cause and slot**. When nothing happened, its tasks are *skipped* and
the run is green: that is the usual picture.

| what | noticed when |
|---|---|
| stock lost | the fleet's folder no longer has a machine, GPUs or a mode that the plan uses |
| demand above its forecast | the load of a class lay above the 0.99 quantile of its forecast in two rows in a row |
| plan not acknowledged | the slot has begun, and the last word of a runtime was not that it accepts the plan |

* **Which slot**: the coming one, if its plan is published; the current one, until the coming slot is issued or while
  no runtime has accepted a plan for it. Runtimes take plans in order: they would refuse a new plan for the current slot
  once they hold the coming one's.
* **What the new plan knows**: the fleet as it is now; of a class above its forecast, at least the demand that was
  measured. Each event is a hold `replanned` of the plan, with its reason, and the log of `watch` says it too.
* **What it does not do**: nothing is forecast again; nothing is triggered for a slot that has no plan yet, since its
  regular run will see what happened. Mode and objective stay those of the plan.

Pause this DAG to have slots planned once only.
"""


@dag(
    dag_id="freesh_watch",
    dag_display_name="FREESH watch",
    description="Plan a slot again when something happened that its plan did not foresee",
    # Two minutes after each five: the last rows of traffic are complete, and the forecasts at :20 and :50 go first.
    schedule=CronTriggerTimetable("2-59/5 * * * *", timezone="UTC"),
    start_date=SCHEDULED_FROM,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["freesh", "plan"],
    doc_md=DOC,
)
def freesh_watch() -> None:
    """Watch the plans of the slots at hand."""

    @task(
        # A look that failed is made up for by the next one: it must be over by then.
        execution_timeout=timedelta(minutes=2),
        doc_md="Compares the plans of the current and the coming slot with the fleet as it is, with the load that was "
        "offered, and with what the runtimes answered. Skips itself when nothing happened; else stores each event and "
        "returns the runs of `freesh_plan` to trigger.",
    )
    def watch() -> list[dict[str, Any]]:
        """Look for events."""
        from dags.site import fleet_folder, source_settings, store_url
        from models.refresh.watch import watch as look

        if is_backfill(get_current_context()):
            raise AirflowSkipException("the past is not watched")
        runs = look(fleet_folder(), store_url(), source_settings("freesh_traffic"))
        if not runs:
            raise AirflowSkipException("nothing happened that the plans at hand did not foresee")
        return runs

    TriggerDagRunOperator.partial(
        task_id="plan_again",
        trigger_dag_id="freesh_plan",
        logical_date=None,
        # The id of the run names slot and causes: equal causes are planned again once, however long they last.
        skip_when_already_exists=True,
        map_index_template="{{ task.trigger_run_id }}",
        doc_md="Triggers `freesh_plan` for one slot, with the mode and objective of its plan; skipped when that has "
        "been done for the same causes.",
    ).expand_kwargs(watch())


freesh_watch()
