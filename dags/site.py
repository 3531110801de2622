"""Where things are at this site: the fleet's folder, the store, the sources and tokens, as plain values.

Airflow's Variables and Connections are read here and nowhere else. What is missing is stated, never guessed: without a
fleet nothing is planned, without a Connection a source has no data, without a store's Connection SQLite is used.
"""

import os
from pathlib import Path
from typing import Any

from airflow.sdk import Connection, Variable
from airflow.sdk.exceptions import AirflowNotFoundException

FLEET = "freesh_fleet"
"""Variable that names the folder of the fleet's scenario; `AIRFLOW_VAR_FREESH_FLEET` in the environment works too."""

MODE = "freesh_mode"
"""Variable that says whether runtimes may act on scheduled plans: `advise` (the default) or `act`."""

STORE = "freesh_store"
"""Connection of the plan and forecast store; its extra `{"url": ...}` is any SQLAlchemy URL."""


def fleet_folder() -> str:
    """Folder of the fleet's scenario.

    Raises:
        ConfigError: the Variable is not set.
    """
    from freesh_plugin.core.errors import ConfigError

    folder = Variable.get(FLEET, default=None)
    if not folder:
        raise ConfigError(f"Variable {FLEET!r} is not set: it names the folder of the fleet's scenario")
    return str(folder)


def plan_mode(asked: str) -> str:
    """The mode that was asked for; `site` = what the Variable says, `advise` where it says nothing."""
    return asked if asked != "site" else str(Variable.get(MODE, default="advise"))


def store_url() -> str:
    """SQLAlchemy URL of the plan and forecast store: Connection `freesh_store`, else SQLite in AIRFLOW_HOME."""
    connection = _connection(STORE)
    if connection is None:
        home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
        return f"sqlite:///{home / 'freesh.db'}"
    return str(connection.extra_dejson.get("url") or connection.get_uri())


def source_settings(name: str) -> dict[str, Any] | None:
    """Settings of the source behind Connection `name`: its extra, with url, user and token where stated; else None."""
    connection = _connection(name)
    if connection is None:
        return None
    settings = dict(connection.extra_dejson)
    if connection.host:
        port = f":{connection.port}" if connection.port else ""
        settings.setdefault("url", f"{connection.schema or 'https'}://{connection.host}{port}")
    if connection.login:
        settings.setdefault("user", connection.login)
    if connection.password:
        settings["token"] = connection.password
    return settings


def endpoint_access(name: str | None) -> dict[str, Any]:
    """Token of an endpoint, and whether it may travel over plain http to another machine; empty when it needs none.

    The Connection's password is the token; its extra may say `{"allow_plain_http": true}` for a private network.

    Raises:
        ConfigError: the Connection does not exist or holds no password.
    """
    from freesh_plugin.core.errors import ConfigError

    if name is None:
        return {}
    connection = _connection(name)
    if connection is None or not connection.password:
        raise ConfigError(f"Connection {name!r}, which holds the endpoint's token as password, is missing or empty")
    return {
        "token": str(connection.password),
        "allow_plain_http": connection.extra_dejson.get("allow_plain_http") is True,
    }


def _connection(name: str) -> Connection | None:
    try:
        connection: Connection = Connection.get(name)
    except AirflowNotFoundException:
        return None
    return connection
