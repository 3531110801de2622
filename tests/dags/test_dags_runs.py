"""All three DAGs run by `dag.test()` against real runtimes on loopback: the good day, and the faults."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from freesh_plugin.core.plan_json import decode_plan
from models.domain.forecast import DataState
from models.refresh.slot import Slot, current_slot
from tests.fakes.dag_site import DagSite, run_dag
from tests.fakes.forecasts import carbon_record, demand_record
from tests.fakes.payload_server import html, payload_server, reply
from tests.fakes.plan_server import TOKEN, RunningServer, running_plan_server
from tests.fakes.plan_store import FakePlanStore
from tests.fakes.small_fleet import DEMAND, SCENARIO, ZONES, write_small_fleet

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SYNTHETIC = SCENARIO.replace("Z-CLEAN", "SYN-HYDRO").replace("Z-DIRTY", "SYN-WIND")
DOWN = "http://127.0.0.1:1"
SLOT_LEFT_S = 90.0
"""What a test may take of its slot: a plan is not pushed when its slot is over."""


@pytest.fixture
def slot() -> Slot:
    """The slot of now, with enough of it left: pushed at once, in force at once."""
    now = datetime.now(UTC)
    left_s = (current_slot(now).ends_at - now).total_seconds()
    if left_s < SLOT_LEFT_S:
        time.sleep(left_s)
    return current_slot(datetime.now(UTC))


@pytest.fixture
def runtime() -> Iterator[RunningServer]:
    """A runtime whose clock shows the present."""
    with running_plan_server(FakePlanStore()) as server:
        server.clock.now_s = datetime.now(UTC).timestamp()
        yield server


def endpoints(**urls: str) -> str:
    """The YAML of gateways at these addresses, each with a Connection of its own name."""
    rows = (
        f"{{name: {name}, kind: gateway, location: clean, url: '{url}', connection: {name}}}"
        for name, url in urls.items()
    )
    return f"[{', '.join(rows)}]"


def name_of(slot: Slot) -> str:
    return f"{slot.starts_at:%Y-%m-%dT%H:%M}"


def test_from_sources_to_a_plan_that_a_runtime_acts_on(
    bag: "DagBag", site: DagSite, slot: Slot, runtime: RunningServer
) -> None:
    fleet = write_small_fleet(site.folder / "fleet", endpoints=endpoints(g=runtime.url), scenario=SYNTHETIC)
    site.variable("freesh_fleet", str(fleet))
    site.connection("freesh_traffic", extra={"kind": "synthetic", "mean_rps": 5})
    site.connection("freesh_carbon", extra={"kind": "synthetic"})
    site.connection("g", password=TOKEN)
    for dag_id in ("freesh_traffic", "freesh_carbon"):
        assert run_dag(bag, dag_id, slot=name_of(slot)).state == "success"
    first = run_dag(bag, "freesh_plan", slot=name_of(slot), mode="act")
    assert (first.state, first.tasks["push"]) == ("success", ["success"])
    record = site.store.plan(slot.epoch)
    assert record is not None
    status = runtime.client().get("/v1/status").json()
    assert (status["plan"]["epoch"], status["plan"]["revision"], status["acting"]) == (slot.epoch, 1, True)
    assert status["plan"]["digest"] == record.digest
    plan = decode_plan(record.text)
    assert {each.name: str(each.state) for each in plan.inputs} == {
        "fleet": "ok", "objective": "ok", "demand": "ok", "carbon": "ok", "running": "ok",
    }  # fmt: skip
    assert any("synthetic" in each.note for each in plan.inputs if each.name == "carbon")

    again = run_dag(bag, "freesh_plan", slot=name_of(slot), mode="act")
    assert again.state == "success"
    latest = site.store.plan(slot.epoch)
    assert latest is not None
    assert (latest.revision, latest.text) == (1, record.text), "equal inputs give the same text"

    advice = run_dag(bag, "freesh_plan", slot=name_of(slot), mode="advise", objective="energy")
    assert (advice.state, advice.tasks["push"], advice.tasks["acknowledge"]) == ("success", ["skipped"], ["skipped"])
    assert runtime.client().get("/v1/status").json()["acting"] is True, "advice does not displace a plan in force"


def test_one_runtime_down_and_one_refusing_do_not_hold_up_the_third(
    bag: "DagBag", site: DagSite, slot: Slot, runtime: RunningServer
) -> None:
    urls = endpoints(down=DOWN, good=runtime.url, refusing=runtime.url)
    site.variable("freesh_fleet", str(write_small_fleet(site.folder / "fleet", endpoints=urls)))
    site.connection("good", password=TOKEN)
    site.connection("down", password=TOKEN)
    site.connection("refusing", password="not-the-token-of-it")
    site.store.save_forecast(demand_record(slot, DEMAND))
    site.store.save_forecast(carbon_record(slot, ZONES))
    result = run_dag(bag, "freesh_plan", slot=name_of(slot))
    assert result.state == "failed"
    assert result.tasks["push"] == ["failed", "success", "failed"]
    assert result.tries["push"] == [3, 1, 1], "silence is tried again, a refusal is final"
    assert result.tasks["acknowledge"] == ["failed"]
    said = {each.endpoint: each for each in site.store.acknowledgements(slot.epoch, 1)}
    assert {name: each.accepted for name, each in said.items()} == {"down": False, "good": True, "refusing": False}
    assert said["refusing"].status_code == 401
    assert runtime.client().get("/v1/status").json()["plan"]["epoch"] == slot.epoch


def test_sources_that_fail_give_stale_or_no_data_and_still_a_plan(bag: "DagBag", site: DagSite, slot: Slot) -> None:
    """Traffic answers 500, carbon sends a page: the forecasts of the slot before go on, marked stale."""
    site.variable(
        "freesh_fleet", str(write_small_fleet(site.folder / "fleet", scenario=SCENARIO.replace("Z-CLEAN", "GB")))
    )
    before = Slot(slot.epoch - 1)
    site.store.save_forecast(demand_record(before, DEMAND))
    with payload_server(reply(b"oops", status=500)) as traffic, payload_server(html()) as carbon:
        site.connection("freesh_traffic", extra={"kind": "prometheus", "url": traffic.url})
        site.connection("freesh_carbon", extra={"kind": "neso", "url": carbon.url})
        for dag_id in ("freesh_traffic", "freesh_carbon"):
            assert run_dag(bag, dag_id, slot=name_of(slot)).state == "success", "the asset is always emitted"
    for kind in ("demand", "carbon"):
        forecast = site.store.forecast(kind, slot.epoch)
        assert forecast is not None
        assert (forecast.state, forecast.forecasts) == (DataState.NO_DATA, ())
        assert forecast.note
    assert run_dag(bag, "freesh_plan", slot=name_of(slot)).state == "success"
    record = site.store.plan(slot.epoch)
    assert record is not None
    plan = decode_plan(record.text)
    assert {"demand_stale", "carbon_missing"} <= {each.code for each in plan.holds}
    states = {each.name: str(each.state) for each in plan.inputs}
    assert (states["demand"], states["carbon"]) == ("stale", "no_data")
    assert plan.predicted.carbon_g is None, "no number is made up"


def test_a_site_without_a_fleet_or_with_a_broken_one_fails_at_once(bag: "DagBag", site: DagSite, slot: Slot) -> None:
    missing = run_dag(bag, "freesh_traffic", slot=name_of(slot))
    assert (missing.state, missing.tries["forecast_traffic"]) == ("failed", [1])
    fleet = write_small_fleet(site.folder / "fleet")
    (fleet / "profiles.csv").write_text("partition\n", encoding="utf-8")
    site.variable("freesh_fleet", str(fleet))
    broken = run_dag(bag, "freesh_plan", slot=name_of(slot))
    assert (broken.state, broken.tries["solve"], broken.tasks["acknowledge"]) == ("failed", [1], ["failed"])


def test_a_store_that_cannot_be_reached_is_tried_again(bag: "DagBag", site: DagSite, slot: Slot) -> None:
    site.variable("freesh_fleet", str(write_small_fleet(site.folder / "fleet")))
    site.connection("freesh_store", extra={"url": "sqlite:////proc/no/such/freesh.db"})
    result = run_dag(bag, "freesh_traffic", slot=name_of(slot))
    assert (result.state, result.tries["forecast_traffic"]) == ("failed", [3])


def test_prices_reach_a_plan_of_least_cost_and_a_fleet_without_them_is_fine(
    bag: "DagBag", site: DagSite, slot: Slot
) -> None:
    site.variable("freesh_fleet", str(write_small_fleet(site.folder / "fleet")))
    site.store.save_forecast(demand_record(slot, DEMAND))
    site.store.save_forecast(carbon_record(slot, ZONES))
    none = run_dag(bag, "freesh_prices", slot=name_of(slot))
    assert (none.state, site.store.forecast("prices", slot.epoch).state) == ("success", DataState.NO_DATA)  # type: ignore[union-attr]
    assert run_dag(bag, "freesh_plan", slot=name_of(slot)).state == "success"
    first = site.store.plan(slot.epoch)
    assert first is not None
    assert "prices" not in {each.name for each in decode_plan(first.text).inputs}
    table = site.folder / "prices.csv"
    hours = [slot.starts_at.replace(minute=0) + timedelta(hours=k) for k in range(-30, 12)]
    rows = [f"{at:%Y-%m-%dT%H:%MZ},{zone},{usd}" for at in hours for zone, usd in (("Z-CLEAN", 90), ("Z-DIRTY", 20))]
    table.write_text("\n".join(["time,zone,price_usd_per_mwh", *rows]), encoding="utf-8")
    site.connection("freesh_prices", extra={"kind": "file", "path": str(table)})
    assert run_dag(bag, "freesh_prices", slot=name_of(slot)).state == "success"
    assert run_dag(bag, "freesh_plan", slot=name_of(slot), objective="cost").state == "success"
    latest = site.store.plan(slot.epoch)
    assert latest is not None
    plan = decode_plan(latest.text)
    assert {pool.location for pool in plan.pools if pool.instances.target} == {"dirty"}
    assert next(each.note for each in plan.inputs if each.name == "prices") == "source: file prices.csv"


def test_the_watch_skips_itself_or_has_the_slot_planned_again_once(bag: "DagBag", site: DagSite, slot: Slot) -> None:
    """Half of the clean location's GPUs go after the coming plan was made: it is planned again, and only once."""
    from airflow.models import DagRun

    fleet = write_small_fleet(site.folder / "fleet")
    site.variable("freesh_fleet", str(fleet))
    coming = Slot(slot.epoch + 1)
    site.store.save_forecast(demand_record(coming, DEMAND))
    site.store.save_forecast(carbon_record(coming, ZONES))
    assert run_dag(bag, "freesh_plan", slot=name_of(coming)).state == "success"
    calm = run_dag(bag, "freesh_watch")
    assert (calm.state, calm.tasks) == ("success", {"watch": ["skipped"], "plan_again": ["skipped"]})
    write_small_fleet(fleet, scenario=SCENARIO.replace("A100: 8}, grid_zone: Z-CLEAN", "A100: 4}, grid_zone: Z-CLEAN"))
    seen = run_dag(bag, "freesh_watch")
    assert (seen.state, seen.tasks) == ("success", {"watch": ["success"], "plan_again": ["success"]})
    (ordered,) = cast("list[dict[str, Any]]", seen.returned["watch"])
    (triggered,) = DagRun.find(dag_id="freesh_plan", run_id=ordered["trigger_run_id"])
    assert triggered.conf == {"slot": name_of(coming), "mode": "advise", "objective": "scenario"}
    lasting = run_dag(bag, "freesh_watch")
    assert lasting.tasks["plan_again"] == ["skipped"], "the same causes are one run, however long they last"
    assert run_dag(bag, "freesh_plan", **triggered.conf).state == "success"
    record = site.store.plan(coming.epoch)
    assert record is not None
    assert record.revision == 2
    assert any(each.code == "replanned" for each in decode_plan(record.text).holds)
    assert run_dag(bag, "freesh_watch").tasks["watch"] == ["skipped"]
