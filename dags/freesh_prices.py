"""Every half hour, a quarter of an hour before the slot: read electricity prices as far ahead as they are published."""

from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, get_current_context, task

from dags.policy import DEFAULT_ARGS
from dags.slots import PRICES, SCHEDULED_FROM, SLOT_PARAM, is_backfill, slot_key

DOC = """
### Prices: what electricity costs at each location

Reads the day-ahead prices of every price zone of the fleet, as far ahead as they are published, and stores them. Prices
are known ahead, so nothing is forecast. Where the auction of a day is not published yet, the price of the same hour of
the day before stands in, **labelled assumed**, also in the plan.

* **Needed by** plans that count money: objective `cost`, or a mix with a weight on cost. Without this DAG, or without
  its Connection, every other plan is made as ever; a plan that needs a price and has none minimises the rest of its
  objective and says so.
* **Source**: Connection `freesh_prices` (ENTSO-E, CAISO, or a file). A table `prices.csv` in the fleet's folder goes
  before it.
* **State**, always said: `ok`, `stale` (the source failed: the last known prices, as far as they reach) or `no_data`.
* **By hand**: Param *slot*.

`freesh_plan` does not wait for this DAG: what was read for an earlier slot is as good, as far as it reaches.
"""


@dag(
    dag_id="freesh_prices",
    dag_display_name="FREESH electricity prices",
    description="Electricity price by zone, as far ahead as it is published",
    # Five minutes before the forecasts, so that the plan that they start finds what is new.
    schedule=CronTriggerTimetable("15,45 * * * *", timezone="UTC"),
    start_date=SCHEDULED_FROM,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params={"slot": SLOT_PARAM},
    tags=["freesh", "forecast"],
    doc_md=DOC,
)
def freesh_prices() -> None:
    """Read prices."""

    @task(
        outlets=[PRICES],
        doc_md="Reads the price source, stores what is known from the start of the slot on, and emits the asset with "
        "its state. A failing source gives the last known prices, marked `stale`.",
    )
    def read_prices() -> dict[str, Any]:
        """Read prices for the slot and the hours after it."""
        from dags.site import fleet_folder, source_settings, store_url
        from models.refresh import jobs

        context = get_current_context()
        key = slot_key(context)
        report = jobs.read_prices(jobs.Site(fleet_folder(), store_url()), key, source_settings("freesh_prices"))
        context["outlet_events"][PRICES].extra = report | {"backfill": is_backfill(context)}
        return report

    read_prices()


freesh_prices()
