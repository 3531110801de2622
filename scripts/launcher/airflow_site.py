"""A local Airflow of our own: api-server, scheduler and dag-processor on loopback, and its REST interface."""

import os
import secrets
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from scripts.launcher.ports import free_port
from scripts.launcher.programs import LaunchError, Programs, tail

ROOT = Path(__file__).resolve().parents[2]
"""The repository's root: on the path of everything that Airflow runs."""

_MIGRATE_S, _START_S, _REQUEST_S = 120.0, 150.0, 20.0
_PAUSE_S = 0.5

T = TypeVar("T")


@dataclass
class AirflowSite:
    """One Airflow in `home`, with its DAGs from `dags`; `extra` adds Variables and Connections by environment.

    Not `airflow standalone`: its scheduler and triggerer open log servers on all interfaces, and its children can
    outlive it. No triggerer: nothing defers, and the deadline's callback runs in the executor.
    """

    home: Path
    programs: Programs
    extra: Mapping[str, str] = field(default_factory=dict)
    dags: Path = ROOT / "dags"
    port: int = field(default_factory=lambda: free_port(8080))
    _client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        # trust_env: a proxy of the environment has no business between us and loopback.
        self._client = httpx.Client(base_url=self.url, timeout=_REQUEST_S, trust_env=False)

    @property
    def url(self) -> str:
        """Address of the user interface and the REST interface."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Make the database, start the programs, wait until all are healthy and the DAGs are read.

        Raises:
            LaunchError: a program ended, or was not ready in time.
        """
        env, airflow = self._env(), Path(sys.executable).with_name("airflow")
        self.home.mkdir(parents=True, exist_ok=True)
        self.programs.run("migrate", [airflow, "db", "migrate"], env, self.home, _MIGRATE_S)
        for name, arguments in (
            ("api-server", ["api-server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]),
            ("scheduler", ["scheduler", "--skip-serve-logs"]),
            ("dag-processor", ["dag-processor"]),
        ):
            self.programs.start(name, [airflow, *arguments], env, self.home)
        self._until("Airflow is healthy", self._healthy, _START_S)
        self._client.headers["authorization"] = f"Bearer {self.get('/auth/token', ok=(200, 201))['access_token']}"

    def close(self) -> None:
        """Let go of the connections to it; the programs are ended by who started them."""
        self._client.close()

    def await_dags(self, names: set[str], limit_s: float = 90.0) -> None:
        """Wait until these DAGs are known, and let them be scheduled.

        Raises:
            LaunchError: they were not read in time, or one cannot be imported.
        """

        def all_read() -> bool | None:
            errors = self.get("/api/v2/importErrors")["import_errors"]
            if errors:
                raise LaunchError(f"a DAG cannot be imported:\n{errors[0]['stack_trace']}")
            return names <= {each["dag_id"] for each in self.get("/api/v2/dags")["dags"]} or None

        self._until(f"the DAGs {', '.join(sorted(names))} are read", all_read, limit_s)
        for name in sorted(names):
            self.send("PATCH", f"/api/v2/dags/{name}", {"is_paused": False})

    def trigger(self, dag_id: str, key: str | None = None, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run, of a partition where a key is given; returns its id."""
        body = {"logical_date": None, "partition_key": key, "conf": dict(conf or {})}
        return str(self.send("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def runs(self, dag_id: str, key: str) -> list[dict[str, Any]]:
        """The runs of a partition, the newest first."""
        return [run for run in self._runs(dag_id) if run["partition_key"] == key]

    def _runs(self, dag_id: str) -> list[dict[str, Any]]:
        return list(self.get(f"/api/v2/dags/{dag_id}/dagRuns?order_by=-run_after")["dag_runs"])

    def await_run(
        self, dag_id: str, *, run_id: str = "", key: str = "", beside: Collection[str] = (), limit_s: float = 120.0
    ) -> dict[str, Any]:
        """Wait until the run of that id, or the newest of that partition, has ended; returns it, failed or not.

        Runs `beside` it, by id, are another matter.

        Raises:
            LaunchError: it did not end in time.
        """

        def ended() -> dict[str, Any] | None:
            runs = self._runs(dag_id)
            ours = [run for run in runs if run["dag_run_id"] == run_id or (key and run["partition_key"] == key)]
            ours = [run for run in ours if run["dag_run_id"] not in beside]
            return ours[0] if ours and ours[0]["state"] in ("success", "failed") else None

        return self._until(f"the run of {dag_id} for {key or run_id} has ended", ended, limit_s)

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return list(self.get(path)["task_instances"])

    def result(self, dag_id: str, run_id: str, task_id: str) -> object:
        """What a task returned."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        return self.get(path)["value"]

    def get(self, path: str, ok: tuple[int, ...] = (200,)) -> dict[str, Any]:
        """Ask the REST interface.

        Raises:
            LaunchError: it answered with another status.
        """
        return _checked(self._client.get(path), ok)

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Tell the REST interface something.

        Raises:
            LaunchError: it refused.
        """
        return _checked(self._client.request(method, path, json=dict(body)), (200, 201))

    def _healthy(self) -> bool | None:
        try:
            health = self.get("/api/v2/monitor/health")
        except (httpx.TransportError, LaunchError):
            return None
        parts = ("metadatabase", "scheduler", "dag_processor")
        return all((health.get(part) or {}).get("status") == "healthy" for part in parts) or None

    def _until(self, what: str, ask: Callable[[], T | None], limit_s: float) -> T:
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            self.programs.check()
            answer = ask()
            if answer is not None:
                return answer
            time.sleep(_PAUSE_S)
        logs = "\n".join(tail(self.programs.log(name), 12) for name in ("scheduler", "dag-processor"))
        raise LaunchError(f"not within {limit_s:.0f} s: {what}\n{logs}")

    def _env(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "FREESH_"))}
        settings = {
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__DAGS_FOLDER": str(self.dags),
            "CORE__PLUGINS_FOLDER": str(self.home / "plugins"),
            "CORE__PARALLELISM": "4",
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",  # loopback only
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "API__BASE_URL": self.url,
            "API_AUTH__JWT_SECRET": self._secret(),
            "DAG_PROCESSOR__REFRESH_INTERVAL": "10",
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            "LOGGING__COLORED_CONSOLE_LOG": "False",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        return kept | {
            "AIRFLOW_HOME": str(self.home),
            **{f"AIRFLOW__{key}": value for key, value in settings.items()},
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": "*",
            "no_proxy": "*",
            **self.extra,
        }

    def _secret(self) -> str:
        """One secret for all programs of this home, made once."""
        file = self.home / "jwt-secret"
        if not file.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(64), encoding="utf-8")
        return file.read_text(encoding="utf-8")


def _checked(response: httpx.Response, ok: tuple[int, ...]) -> dict[str, Any]:
    if response.status_code not in ok:
        request = f"{response.request.method} {response.request.url.path}"
        raise LaunchError(f"Airflow answered {response.status_code} to {request}: {response.text[:500]}")
    answer: dict[str, Any] = response.json()
    return answer
