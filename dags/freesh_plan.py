"""Once both forecasts of a slot are there: solve, compare, publish, push to every runtime, record who acknowledged."""

from typing import Any, cast

from airflow.sdk import Param, PartitionedAssetTimetable, TriggerRule, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dags.policy import ACKNOWLEDGED_BEFORE_SLOT, DEFAULT_ARGS
from dags.slots import CARBON_FORECAST, SLOT_PARAM, TRAFFIC_FORECAST, is_backfill, slot_key

DOC = """
### Plan: which instances run where, for the coming half hour

Starts when the traffic **and** carbon forecasts of the *same* slot are there (partition key = moment of issue, ten
minutes before the slot).

`solve` → `compare` → `publish` → `push` (one for each runtime) → `acknowledge`

| task | what it does |
|---|---|
| solve | solves the allocation and stores it as the next revision; equal inputs give the plan that is stored already |
| compare | says what changes against the plan in force, and shows the plan, its baselines and every hold in the log |
| publish | decides whom to push to: never a slot that is over, never a backfill, never advice over a plan acted upon |
| push | brings the plan to one runtime; one that is down or refuses does not hold up the others |
| acknowledge | records who accepted, and fails when one did not: the run is red, the reason is in the log |

* **Modes**: `advise` (the default) shows in every runtime what FREESH would do; `act` lets them do it. The Variable
  `freesh_mode` sets it for scheduled runs.
* **When something is missing** the plan says so in a hold: a stale forecast with its age; no carbon → energy is
  minimised; no demand → the plan in force goes on; no solution in time → the previous plan, else a greedy one.
* **By hand**: Params *slot*, *objective*, *mode*.
"""

OBJECTIVE_PARAM = Param(
    "scenario",
    enum=["scenario", "carbon", "energy", "cost"],
    title="Objective",
    description="What to minimise; 'scenario' = as the fleet's scenario says.",
)
MODE_PARAM = Param(
    "site",
    enum=["site", "advise", "act"],
    title="Mode",
    description="'advise' shows what FREESH would do, 'act' lets the runtimes do it; 'site' = Variable freesh_mode.",
)


@dag(
    dag_id="freesh_plan",
    dag_display_name="FREESH plan",
    description="Solve the allocation and bring the plan to the runtimes",
    schedule=PartitionedAssetTimetable(assets=TRAFFIC_FORECAST & CARBON_FORECAST),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params={"slot": SLOT_PARAM, "objective": OBJECTIVE_PARAM, "mode": MODE_PARAM},
    deadline=ACKNOWLEDGED_BEFORE_SLOT,
    tags=["freesh", "plan"],
    doc_md=DOC,
)
def freesh_plan() -> None:
    """Plan a slot and bring the plan to the runtimes."""

    @task(
        doc_md="Builds the scenario of the slot from the fleet, both forecasts and what runs now, solves it, and "
        "stores the plan as the next revision. Wrong input fails at once; a store that does not answer is tried again."
    )
    def solve() -> dict[str, Any]:
        """Solve and store."""
        from dags.site import fleet_folder, plan_mode, store_url
        from models.refresh import jobs

        context = get_current_context()
        params = context["params"]
        site = jobs.Site(fleet_folder(), store_url())
        return jobs.solve(site, slot_key(context), params["objective"], plan_mode(params["mode"]))

    @task(
        doc_md="Compares the new plan with the plan in force: what changes, and why nothing does when nothing does. "
        "Its log shows the plan at a glance."
    )
    def compare(plan: dict[str, Any]) -> list[str]:
        """Say what changes."""
        from dags.site import store_url
        from models.refresh import jobs

        return jobs.compare(store_url(), plan)

    @task(
        doc_md="Lists the runtimes that the plan goes to; to none, with the reason in its log, when the slot is over, "
        "the run is a backfill, or advice would displace a plan that runtimes act on."
    )
    def publish(plan: dict[str, Any]) -> list[dict[str, Any]]:
        """Decide whom to push to."""
        from dags.site import fleet_folder, store_url
        from models.refresh import jobs

        backfill = is_backfill(get_current_context())
        return jobs.publish(jobs.Site(fleet_folder(), store_url()), plan, backfill=backfill)

    @task(
        map_index_template="{{ endpoint_name }}",
        doc_md="Brings the plan to one runtime and records its answer. No answer is tried again; a refusal is final.",
    )
    def push(plan: dict[str, Any], target: dict[str, Any]) -> dict[str, Any]:
        """Push to one runtime."""
        from dags.site import endpoint_access, store_url
        from models.refresh import jobs

        cast("dict[str, Any]", get_current_context())["endpoint_name"] = target["name"]
        return jobs.push(store_url(), plan, target, **endpoint_access(target["connection"]))

    @task(
        trigger_rule=TriggerRule.ALL_DONE,
        doc_md="Collects who accepted the plan. Fails, naming each runtime and its reason, when one did not; fails too "
        "when no plan was made, and is skipped when the plan goes to nobody.",
    )
    def acknowledge(plan: dict[str, Any] | None, targets: list[dict[str, Any]] | None) -> dict[str, Any]:
        """Record who acknowledged."""
        from dags.site import store_url
        from models.refresh import jobs

        if plan is None or targets is None:
            raise AirflowFailException("there is no plan to acknowledge: see the task that failed before")
        if not targets:
            raise AirflowSkipException("the plan goes to nobody: the log of 'publish' says why")
        return jobs.acknowledge(store_url(), plan, targets)

    plan: Any = solve()
    targets: Any = publish(plan)
    pushed = push.partial(plan=plan).expand(target=targets)
    compare(plan) >> targets
    pushed >> acknowledge(plan, targets)


freesh_plan()
