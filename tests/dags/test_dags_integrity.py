"""The DAGs as Airflow reads them: no import error, docs, retries, partitions, and nothing heavy at parse time."""

import ast
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

ROOT = Path(__file__).parents[2]
DAGS = ("freesh_traffic", "freesh_carbon", "freesh_prices", "freesh_plan", "freesh_watch")
HEAVY = ("numpy", "pandas", "sqlalchemy", "pyomo", "highspy", "statsmodels", "sklearn", "msgspec", "models")


def test_they_are_read_without_an_error(bag: "DagBag") -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == set(DAGS)


@pytest.mark.parametrize("dag_id", DAGS)
def test_every_dag_and_every_task_explains_itself(bag: "DagBag", dag_id: str) -> None:
    dag = bag.dags[dag_id]
    assert len(dag.doc_md or "") > 200
    assert dag.description
    assert "freesh" in dag.tags
    for task in dag.tasks:
        assert len(task.doc_md or "") > 40, task.task_id


@pytest.mark.parametrize("dag_id", DAGS)
def test_every_task_is_tried_again_by_the_policy_and_ends_before_the_slot(bag: "DagBag", dag_id: str) -> None:
    dag = bag.dags[dag_id]
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    for task in dag.tasks:
        assert (task.retries or 0) >= 2, task.task_id
        assert task.retry_policy is not None, task.task_id
        assert task.execution_timeout is not None, task.task_id
        assert 2 * (task.execution_timeout + task.retry_delay).total_seconds() < 600, task.task_id


def test_wrong_input_fails_at_once_and_a_silent_source_is_tried_again(airflow_home: Path) -> None:
    from airflow.sdk import RetryAction

    from dags.policy import RETRY_POLICY
    from freesh_plugin.core.errors import AllocationError, ConfigError, PlanError, ScenarioError, SourceError

    for error in (AllocationError, ConfigError, PlanError, ScenarioError):
        assert RETRY_POLICY.evaluate(error("x"), 1, 2).action is RetryAction.FAIL
    assert RETRY_POLICY.evaluate(SourceError("x"), 1, 2).action is RetryAction.RETRY
    for error_of_the_world in (OSError("x"), TimeoutError("x"), KeyError("x")):
        assert RETRY_POLICY.evaluate(error_of_the_world, 1, 2).action is RetryAction.DEFAULT


def test_forecasts_are_partitioned_by_the_moment_of_issue(bag: "DagBag") -> None:
    from airflow.sdk import CronPartitionTimetable

    for dag_id in ("freesh_traffic", "freesh_carbon"):
        timetable = bag.dags[dag_id].timetable
        assert isinstance(timetable, CronPartitionTimetable)
        assert timetable.expression == "20,50 * * * *"
        assert str(timetable.timezone) in ("UTC", "Timezone('UTC')")


def test_the_plan_waits_for_both_forecasts_of_the_same_partition(bag: "DagBag") -> None:
    from airflow.sdk import Asset, PartitionedAssetTimetable
    from airflow.sdk.definitions.asset import AssetAll

    timetable = bag.dags["freesh_plan"].timetable
    assert isinstance(timetable, PartitionedAssetTimetable)
    assert isinstance(timetable.asset_condition, AssetAll)
    names = {asset.name for asset in timetable.asset_condition.objects if isinstance(asset, Asset)}
    assert names == {"freesh_traffic_forecast", "freesh_carbon_forecast"}
    emitted = {
        outlet.name
        for dag_id in ("freesh_traffic", "freesh_carbon")
        for task in bag.dags[dag_id].tasks
        for outlet in task.outlets
    }
    assert emitted == names


@pytest.mark.parametrize(
    ("name", "value"),
    [("slot", "next"), ("slot", "2026-03-01T12:15"), ("objective", "profit"), ("mode", "shadow")],
)
def test_params_that_mean_nothing_are_refused(bag: "DagBag", name: str, value: str) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    params = bag.dags["freesh_plan"].params
    with pytest.raises(ParamValidationError):
        params.get_param(name).resolve(value)


def test_a_late_plan_raises_an_alert_before_the_slot_starts(bag: "DagBag") -> None:
    deadline = bag.dags["freesh_plan"].deadline
    (alert,) = deadline if isinstance(deadline, list) else [deadline]
    assert alert is not None
    assert isinstance(alert.interval, timedelta)
    assert alert.interval < timedelta(minutes=10)
    module, _, function = alert.callback.path.rpartition(".")
    assert callable(getattr(__import__(module, fromlist=[function]), function))


def test_reading_the_files_loads_nothing_heavy(airflow_home: Path) -> None:
    """In a fresh interpreter, beside what Airflow itself loads; its operator that triggers runs brings its database."""
    code = (
        "import sys, airflow.sdk, airflow.providers.standard.operators.trigger_dagrun; before = set(sys.modules);"
        "import dags.freesh_traffic, dags.freesh_carbon, dags.freesh_prices, dags.freesh_plan, dags.freesh_watch;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "dags" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("path", sorted((ROOT / "dags").glob("*.py")), ids=lambda path: path.name)
def test_dags_call_use_cases_only_and_never_ask_the_clock(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    ours = {name for name in imported if name.split(".")[0] in ("models", "freesh_plugin")}
    assert ours <= {"models.refresh", "models.refresh.slot", "models.refresh.watch", "freesh_plugin.core.errors"}
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert called.isdisjoint({"now", "utcnow", "today"})
