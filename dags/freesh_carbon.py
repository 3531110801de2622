"""Every half hour, ten minutes before the slot: forecast the carbon intensity of each grid zone."""

from typing import Any

from airflow.sdk import dag, get_current_context, task

from dags.policy import DEFAULT_ARGS
from dags.slots import CARBON_FORECAST, EVERY_HALF_HOUR, SCHEDULED_FROM, SLOT_PARAM, is_backfill, slot_key

DOC = """
### Carbon: how clean the grid of each location will be

Reads the carbon intensity known at the moment of issue (ten minutes before the slot; the **partition key**) for every
grid zone of the fleet, and forecasts six hours in steps of five minutes and a day in steps of an hour: the mean, and
the 0.1 and 0.9 quantiles. Whether the signal is average or marginal, direct or lifecycle, is stated by the scenario.

* **Source**: Connection `freesh_carbon` (a file, GB's NESO which needs no key, or the demo's synthetic source).
* **State** of the forecast, always said: `ok`, `stale` (the source failed: last known rows, with their age) or
  `no_data`. The asset is emitted in every state; a plan without carbon for a location minimises energy and says so.
* **By hand**: Param *slot*. Run again for the same slot, it replaces that slot's forecast.

Followed by `freesh_plan`, once the traffic forecast of the same slot is there too.
"""


@dag(
    dag_id="freesh_carbon",
    dag_display_name="FREESH carbon forecast",
    description="Carbon intensity by grid zone for the coming hours",
    schedule=EVERY_HALF_HOUR,
    start_date=SCHEDULED_FROM,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params={"slot": SLOT_PARAM},
    tags=["freesh", "forecast"],
    doc_md=DOC,
)
def freesh_carbon() -> None:
    """Forecast carbon intensity."""

    @task(
        outlets=[CARBON_FORECAST],
        doc_md="Reads the carbon source up to the moment of issue, forecasts each grid zone, stores the forecast of "
        "the slot and emits the asset with its state. A failing source gives the last known rows, marked `stale`.",
    )
    def forecast_carbon() -> dict[str, Any]:
        """Forecast carbon intensity for the slot."""
        from dags.site import fleet_folder, source_settings, store_url
        from models.refresh import jobs

        context = get_current_context()
        key = slot_key(context)
        report = jobs.forecast_carbon(jobs.Site(fleet_folder(), store_url()), key, source_settings("freesh_carbon"))
        event = context["outlet_events"][CARBON_FORECAST]
        event.extra = report | {"backfill": is_backfill(context)}
        event.add_partitions(key)
        return report

    forecast_carbon()


freesh_carbon()
