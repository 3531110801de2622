"""The DAGs through the real scheduler: partitions that must match, a plan pushed and pushed again, a backfill."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
import psutil
import pytest
import yaml

from freesh_plugin.core.plan_json import decode_plan
from models.domain.forecast import DataState
from models.refresh.slot import Slot, coming_slot, current_slot
from scripts.launcher.programs import family_of, is_alive
from scripts.launcher.site import WANTED, Site

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

PRODUCERS = ("freesh_traffic", "freesh_carbon")
_SETTLE_S = 6.0
"""Several loops of the scheduler: time enough for a run that must not come."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Airflow and four runtimes."""
    site = Site(tmp_path_factory.mktemp("site"))
    try:
        site.start_runtimes()
        site.start_airflow()
        yield site
    finally:
        site.end()


def plan_runs(site: Site) -> dict[str, dict[str, object]]:
    """Runs of the plan by partition key."""
    runs = site.airflow.get("/api/v2/dags/freesh_plan/dagRuns")["dag_runs"]
    return {str(run["partition_key"]): run for run in runs}


def test_two_slots_forecast_crosswise_make_no_plan_and_one_forecast_wholly_makes_its_own(site: Site) -> None:
    slot = coming_slot(datetime.now(UTC))
    other = Slot(slot.epoch + 1)
    runs = {
        "freesh_traffic": site.airflow.trigger("freesh_traffic", slot.key),
        "freesh_carbon": site.airflow.trigger("freesh_carbon", other.key),
    }
    for dag_id, run_id in runs.items():
        assert site.airflow.await_run(dag_id, run_id=run_id)["state"] == "success"
    time.sleep(_SETTLE_S)
    assert plan_runs(site) == {}, "forecasts of different slots must never be paired"

    run_id = site.airflow.trigger("freesh_carbon", slot.key)
    assert site.airflow.await_run("freesh_carbon", run_id=run_id)["state"] == "success"
    run = site.airflow.await_run("freesh_plan", key=slot.key)
    assert run["state"] == "success"
    assert set(plan_runs(site)) == {slot.key}

    tasks = site.airflow.tasks("freesh_plan", run["dag_run_id"])
    pushes = {each["rendered_map_index"]: each["state"] for each in tasks if each["task_id"] == "push"}
    assert pushes == {name: "success" for name, _, _ in WANTED}
    record = site.stored_plan(slot)
    accepted = {each.endpoint for each in site.store.acknowledgements(slot.epoch, record.revision) if each.accepted}
    assert accepted == {name for name, _, _ in WANTED}
    for runtime in site.runtimes:
        answer = httpx.get(
            f"{runtime.url}/v1/status",
            headers={"authorization": f"Bearer {runtime.token}"},
            trust_env=False,
            timeout=10,
        ).json()
        assert [head["digest"] for head in (*answer["waiting"], answer["plan"]) if head] == [record.digest]


def test_a_machine_that_is_lost_has_the_slot_planned_again_and_pushed_once(site: Site) -> None:
    """The watch triggers the plan by itself; a second look at the same loss changes nothing."""
    (before,) = site.store.plans(limit=1)
    lost = decode_plan(before.text).slices[0]
    _remove(site.home / "fleet", lost.location, lost.machine)
    run_id = site.airflow.trigger("freesh_watch")
    assert site.airflow.await_run("freesh_watch", run_id=run_id)["state"] == "success"
    (order,) = cast("list[dict[str, Any]]", site.airflow.result("freesh_watch", run_id, "watch"))
    planned = site.airflow.await_run("freesh_plan", run_id=order["trigger_run_id"])
    assert (planned["state"], planned["run_type"]) == ("success", "operator_triggered")
    after = site.store.plan(before.epoch)
    assert after is not None
    assert (after.revision, after.mode) == (before.revision + 1, "act")
    plan = decode_plan(after.text)
    assert (lost.location, lost.machine) not in {(each.location, each.machine) for each in plan.slices}
    reasons = [each.reason for each in plan.holds if each.code == "replanned"]
    assert any(f"{lost.location}/{lost.machine} is no longer in the fleet" in each for each in reasons)
    accepted = {each.endpoint for each in site.store.acknowledgements(after.epoch, after.revision) if each.accepted}
    assert accepted == {name for name, _, _ in WANTED}

    again = site.airflow.trigger("freesh_watch")
    assert site.airflow.await_run("freesh_watch", run_id=again)["state"] == "success"
    assert {each["state"] for each in site.airflow.tasks("freesh_watch", again)} == {"skipped"}
    assert site.store.plan(before.epoch) == after


def _remove(fleet: Path, location: str, machine: str) -> None:
    """Take a machine and its GPUs out of the fleet's folder, as an inventory would."""
    head, *rows = (fleet / "machines.csv").read_text(encoding="utf-8").split()
    gone = [row.split(",") for row in rows if row.startswith(f"{location},{machine},")]
    kept = [row for row in rows if not row.startswith(f"{location},{machine},")]
    (fleet / "machines.csv").write_text("\n".join([head, *kept, ""]), encoding="utf-8")
    settings = yaml.safe_load((fleet / "scenario.yaml").read_text(encoding="utf-8"))
    gpus = next(each["gpus"] for each in settings["locations"] if each["name"] == location)
    for _, _, gpu_type, count, *_ in gone:
        gpus[gpu_type] -= int(count)
    (fleet / "scenario.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")


def test_a_backfill_of_a_slot_in_progress_is_planned_and_never_pushed(site: Site) -> None:
    slot = current_slot(datetime.now(UTC))
    # Where the slot has changed while the tests ran, the schedule has planned this one too, and it is acted upon.
    earlier = {run["dag_run_id"] for run in site.airflow.runs("freesh_plan", slot.key)}
    acted = site.store.plan(slot.epoch)
    for dag_id in PRODUCERS:
        body = {"dag_id": dag_id, "from_date": f"{slot.key}Z", "to_date": f"{slot.key}Z"}
        site.airflow.send("POST", "/api/v2/backfills", body | {"reprocess_behavior": "completed"})
    run = site.airflow.await_run("freesh_plan", key=slot.key, beside=earlier)
    assert run["state"] == "success"
    states = {each["task_id"]: each["state"] for each in site.airflow.tasks("freesh_plan", run["dag_run_id"])}
    assert (states["publish"], states["push"], states["acknowledge"]) == ("success", "skipped", "skipped")
    record = site.stored_plan(slot)
    assert acted in (None, record)
    assert acted or site.store.acknowledgements(slot.epoch, record.revision) == ()
    forecast = site.store.forecast("demand", slot.epoch)
    assert forecast is not None
    assert (forecast.state, forecast.issued_at) == (DataState.OK, slot.issue_at)


def _connections(process: psutil.Process) -> list[Any]:
    """Its connections; none when it has ended since, as short-lived workers of Airflow do."""
    try:
        return list(process.net_connections("inet"))
    except psutil.NoSuchProcess:
        return []


def test_everything_listens_on_loopback_only_and_ends_wholly(site: Site) -> None:
    family = [each for pid in site.programs.running for each in family_of(pid)]
    listening = {
        connection.laddr.ip
        for process in family
        for connection in _connections(process)
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    site.end()
    assert [each for each in family if is_alive(each)] == []
