"""A site for DAG tests: Variables and Connections by environment, a store in a temporary file, runs in this process."""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.sources.store import SqlPlanningStore

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

_DEFAULTS: dict[str, dict[str, object]] = {}
"""Params of each DAG as it was read."""


@dataclass
class DagSite:
    """Where a test's fleet and store are, and what Airflow is told of them."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    @property
    def store(self) -> SqlPlanningStore:
        """The store."""
        return SqlPlanningStore(self.store_url)

    @property
    def store_url(self) -> str:
        """URL of the store."""
        return f"sqlite:///{self.folder / 'freesh.db'}"

    def variable(self, name: str, value: str) -> None:
        """Set an Airflow Variable."""
        self.monkeypatch.setenv(f"AIRFLOW_VAR_{name.upper()}", value)

    def connection(self, name: str, **fields: object) -> None:
        """Set an Airflow Connection."""
        self.monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps({"conn_type": "generic", **fields}))


@dataclass(frozen=True)
class DagRunResult:
    """How a run ended: its state and the states of its tasks, mapped ones in their order; and what tasks returned."""

    state: str
    tasks: dict[str, list[str]]
    tries: dict[str, list[int]]
    returned: dict[str, object]


def run_dag(bag: "DagBag", dag_id: str, **conf: object) -> DagRunResult:
    """Run a DAG in this process.

    Tries that follow a failure follow at once: what is tested is that they come, not the pause before.
    """
    dag = bag.dags[dag_id]
    # `dag.test()` writes the run's conf into the DAG's own params, where the next run would find it.
    defaults = _DEFAULTS.setdefault(dag_id, dag.params.dump())
    for task in dag.tasks:
        task.retry_delay = timedelta(0)
    # Airflow 3.3.2 cannot end a `dag.test()` of a DAG with a deadline (it looks the alert up by its own content).
    deadline, dag.deadline = dag.deadline, None
    try:
        run = dag.test(logical_date=None, run_conf=defaults | conf)
    finally:
        dag.deadline = deadline
    states: dict[str, list[str]] = {}
    tries: dict[str, list[int]] = {}
    returned: dict[str, object] = {}
    for instance in sorted(run.get_task_instances(), key=lambda each: (each.task_id, each.map_index)):
        states.setdefault(instance.task_id, []).append(str(instance.state))
        tries.setdefault(instance.task_id, []).append(int(instance.try_number))
        returned[instance.task_id] = instance.xcom_pull(task_ids=instance.task_id)
    return DagRunResult(str(run.state), states, tries, returned)
