"""The demo's site as a whole: its folder, its fleet with the runtimes as endpoints, Airflow, and each slot's plan."""

import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from models.domain.records import PlanRecord
from models.refresh.slot import Slot
from models.sources.store import SqlPlanningStore
from scripts.launcher.airflow_site import ROOT, AirflowSite
from scripts.launcher.programs import LaunchError, Programs
from scripts.launcher.runtimes import Runtime, start_runtimes

DAGS = {"freesh_traffic", "freesh_carbon", "freesh_prices", "freesh_plan", "freesh_watch"}
FLEET = ROOT / "models" / "data" / "demo"

WANTED = (
    ("gateway", "gateway", "coast"),
    ("node-fjord", "node", "fjord"),
    ("node-coast", "node", "coast"),
    ("node-prairie", "node", "prairie"),
    ("router-fjord", "router", "fjord"),
)
"""Runtimes of the demo: name, kind, location."""

_BY_HAND = timedelta(minutes=5)
"""The schedule begins so long after the start: until then the runs by hand have Airflow to themselves."""
_OURS = "freesh-demo"
"""A file of this name marks a folder that we made and may empty."""


class Site:
    """Runtimes and an Airflow that plans for them, all in one folder, all on loopback."""

    def __init__(self, home: Path, mode: str = "act") -> None:
        """Begin from nothing: end what a killed start left running, then empty `home` if it is ours.

        Raises:
            LaunchError: the folder exists and is not ours.
        """
        self.home, self._mode = home, mode
        self.runtimes: list[Runtime] = []
        self.programs = Programs(home / "programs")
        _empty(home, keep="programs")
        self.airflow = AirflowSite(home / "airflow", self.programs)

    @property
    def store(self) -> SqlPlanningStore:
        """The plan and forecast store."""
        return SqlPlanningStore(self._store_url)

    @property
    def _store_url(self) -> str:
        return f"sqlite:///{self.home / 'freesh.db'}"

    def start_runtimes(self) -> None:
        """Start the runtimes and write the fleet that names them as endpoints."""
        self.runtimes = start_runtimes(WANTED, self.home / "runtimes", self.programs)
        fleet = self.home / "fleet"
        shutil.copytree(FLEET, fleet)
        endpoints = "\n".join(["endpoints:", *(each.endpoint_yaml() for each in self.runtimes)])
        with (fleet / "scenario.yaml").open("a", encoding="utf-8") as scenario:
            scenario.write(endpoints + "\n")

    def start_airflow(self) -> None:
        """Start Airflow with this site's Variables and Connections, and let the DAGs be scheduled."""
        self.airflow.extra = {
            "AIRFLOW_VAR_FREESH_FLEET": str(self.home / "fleet"),
            "AIRFLOW_VAR_FREESH_MODE": self._mode,
            "AIRFLOW_VAR_FREESH_START": (datetime.now(UTC) + _BY_HAND).isoformat(timespec="seconds"),
            "AIRFLOW_CONN_FREESH_STORE": _connection({"url": self._store_url}),
            "AIRFLOW_CONN_FREESH_TRAFFIC": _connection({"kind": "synthetic"}),
            "AIRFLOW_CONN_FREESH_CARBON": _connection({"kind": "synthetic"}),
            **{key: value for each in self.runtimes for key, value in each.environment().items()},
        }
        self.airflow.start()
        self.airflow.await_dags(DAGS)

    def plan(self, slot: Slot) -> None:
        """Forecast, plan and push one slot through the scheduler.

        Raises:
            LaunchError: a run failed or did not end in time, or a runtime did not acknowledge the plan.
        """
        producers = {name: self.airflow.trigger(name, slot.key) for name in ("freesh_traffic", "freesh_carbon")}
        for name, run_id in producers.items():
            self._must_succeed(name, self.airflow.await_run(name, run_id=run_id))
        self._must_succeed("freesh_plan", self.airflow.await_run("freesh_plan", key=slot.key))
        silent = self._not_acknowledged(slot)
        if silent:
            raise LaunchError(f"the plan of {slot} was not acknowledged by {', '.join(sorted(silent))}")

    def stored_plan(self, slot: Slot) -> PlanRecord:
        """The newest plan of a slot.

        Raises:
            LaunchError: there is none.
        """
        record = self.store.plan(slot.epoch)
        if record is None:
            raise LaunchError(f"no plan of {slot} is in the store")
        return record

    def await_in_force(self, slot: Slot) -> None:
        """Wait until every runtime has a plan of this slot or a later one in force.

        Raises:
            LaunchError: one has not, well after the slot has begun.
        """
        limit_s = max(0.0, (slot.starts_at - datetime.now(UTC)).total_seconds()) + 30
        _until(lambda: all(self._in_force(each, slot) for each in self.runtimes), limit_s, "every runtime has a plan")

    @property
    def router(self) -> Runtime:
        """The one that serves requests."""
        return next(each for each in self.runtimes if each.kind == "router")

    def show_status(self, console: Console) -> None:
        """What every runtime says of itself."""
        table = Table(title="freesh status of every runtime", title_justify="left")
        for column in ("runtime", "kind", "location", "plan in force", "state", "acts", "waiting"):
            table.add_column(column)
        for each in self.runtimes:
            status = _status(each)
            plan = status["plan"]
            waiting = ", ".join(f"{head['epoch']}.{head['revision']}" for head in status["waiting"])
            in_force = f"{plan['epoch']}.{plan['revision']}" if plan else "none"
            acts = "yes" if status["acting"] else "no, shows only"
            table.add_row(each.name, each.kind, each.location, in_force, status["state"], acts, waiting or "none")
        console.print()
        console.print(table)

    def end(self) -> None:
        """End everything that was started."""
        self.airflow.close()
        self.programs.end()

    def _must_succeed(self, dag_id: str, run: dict[str, str]) -> None:
        if run["state"] == "success":
            return
        failed = [
            each["task_id"] for each in self.airflow.tasks(dag_id, run["dag_run_id"]) if each["state"] == "failed"
        ]
        logs = sorted((self.home / "airflow" / "logs").rglob("*.log"), key=lambda path: path.stat().st_mtime)
        texts = "\n".join(_log_tail(path) for path in logs if any(f"task_id={name}/" in str(path) for name in failed))
        raise LaunchError(f"{dag_id} {run['dag_run_id']}: {', '.join(failed) or 'the run'} failed\n{texts}")

    def _not_acknowledged(self, slot: Slot) -> set[str]:
        record = self.stored_plan(slot)
        said = self.store.acknowledgements(record.epoch, record.revision)
        return {each.name for each in self.runtimes} - {each.endpoint for each in said if each.accepted}

    @staticmethod
    def _in_force(runtime: Runtime, slot: Slot) -> bool:
        status = _status(runtime)
        return bool(status["state"] == "fresh" and status["plan"]["epoch"] >= slot.epoch)


def _status(runtime: Runtime) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {runtime.token}"}
    return dict(httpx.get(f"{runtime.url}/v1/status", headers=headers, timeout=10, trust_env=False).json())


def _connection(extra: dict[str, str]) -> str:
    return json.dumps({"conn_type": "generic", "extra": extra})


def _empty(home: Path, keep: str) -> None:
    others = [path for path in home.iterdir() if path.name != keep]
    if others and not (home / _OURS).exists():
        raise LaunchError(f"{home} holds other things; the demo empties its folder at the start and must own it")
    for path in others:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (home / _OURS).write_text("Made by the demo, emptied whenever it starts.\n", encoding="utf-8")


def _until(done: Callable[[], bool], limit_s: float, what: str) -> None:
    end = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > end:
            raise LaunchError(f"not within {limit_s:.0f} s: {what}")
        time.sleep(0.5)


def _log_tail(path: Path, lines: int = 30) -> str:
    return "\n".join([f"--- {path} ---", *path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]])
