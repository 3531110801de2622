"""The half-hour slots that the schedules share: their assets, one timetable, and which slot a run is for."""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow.sdk import Asset, CronPartitionTimetable, Param

TRAFFIC_FORECAST = Asset(name="freesh_traffic_forecast", uri="freesh://forecast/traffic", group="freesh")
CARBON_FORECAST = Asset(name="freesh_carbon_forecast", uri="freesh://forecast/carbon", group="freesh")

PRICES = Asset(name="freesh_prices", uri="freesh://prices", group="freesh")

EVERY_HALF_HOUR = CronPartitionTimetable("20,50 * * * *", timezone="UTC")
"""Ten minutes before each slot. The partition key is that moment: the data cut-off of everything in the run."""

_START = os.environ.get("AIRFLOW_VAR_FREESH_START")

SCHEDULED_FROM = datetime.fromisoformat(_START) if _START else None
"""No scheduled run before this moment; None = at once. The demo sets it, so that its runs by hand come first: a runtime
refuses the plan of the current slot once it holds the coming one's. Read from the environment, as parsing asks no
database.
"""

SLOT_PARAM = Param(
    "coming",
    type="string",
    title="Slot",
    description=(
        "For a run by hand: 'coming', 'current', or the start of a half hour in UTC such as 2026-03-01T12:30. "
        "A run with a partition key (every scheduled one) ignores it."
    ),
    pattern=r"^(coming|current|\d{4}-\d{2}-\d{2}T\d{2}:(00|30)(:00)?Z?)$",
)


def slot_key(context: Mapping[str, Any]) -> str:
    """Partition key of the slot that a run is for; the same at every retry."""
    run = context["dag_run"]
    if run.partition_key:
        return str(run.partition_key)
    from models.refresh.slot import slot_named

    return slot_named(context["params"]["slot"], run.run_after).key


def is_backfill(context: Mapping[str, Any]) -> bool:
    """Whether the run is a backfill, or follows from one."""
    if context["dag_run"].run_type == "backfill":
        return True
    events = context.get("triggering_asset_events") or {}
    return any((event.extra or {}).get("backfill") for asset in events for event in events[asset])
