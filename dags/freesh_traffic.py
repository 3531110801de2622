"""Every half hour, ten minutes before the slot: forecast offered demand by request class."""

from typing import Any

from airflow.sdk import dag, get_current_context, task

from dags.policy import DEFAULT_ARGS
from dags.slots import EVERY_HALF_HOUR, SCHEDULED_FROM, SLOT_PARAM, TRAFFIC_FORECAST, is_backfill, slot_key

DOC = """
### Traffic: how many requests of each class the coming half hour brings

Reads what was offered up to the moment of issue (ten minutes before the slot; the **partition key**), adds the cells of
the metric contract up to the request classes of every partition of the fleet, and forecasts six steps of five minutes:
the mean, and the 0.95 quantile that capacity is planned for.

* **Source**: Connection `freesh_traffic` (a file, Prometheus, or the synthetic source of the demo).
* **State** of the forecast, always said: `ok`, `stale` (the source failed: last known rows, with their age) or
  `no_data` (nothing known; no number is made up). The asset is emitted in every state.
* **By hand**: Param *slot*. Run again for the same slot, it replaces that slot's forecast.

Followed by `freesh_plan`, once the carbon forecast of the same slot is there too.
"""


@dag(
    dag_id="freesh_traffic",
    dag_display_name="FREESH traffic forecast",
    description="Demand by request class for the coming half hour",
    schedule=EVERY_HALF_HOUR,
    start_date=SCHEDULED_FROM,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params={"slot": SLOT_PARAM},
    tags=["freesh", "forecast"],
    doc_md=DOC,
)
def freesh_traffic() -> None:
    """Forecast demand."""

    @task(
        outlets=[TRAFFIC_FORECAST],
        doc_md="Reads the traffic source up to the moment of issue, forecasts each class, stores the forecast of the "
        "slot and emits the asset with its state. A failing source gives the last known rows, marked `stale`.",
    )
    def forecast_traffic() -> dict[str, Any]:
        """Forecast demand for the slot."""
        from dags.site import fleet_folder, source_settings, store_url
        from models.refresh import jobs

        context = get_current_context()
        key = slot_key(context)
        report = jobs.forecast_traffic(jobs.Site(fleet_folder(), store_url()), key, source_settings("freesh_traffic"))
        event = context["outlet_events"][TRAFFIC_FORECAST]
        event.extra = report | {"backfill": is_backfill(context)}
        event.add_partitions(key)
        return report

    forecast_traffic()


freesh_traffic()
