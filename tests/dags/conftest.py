"""An Airflow of the tests' own: a home in a temporary folder, set before Airflow is imported, and the DAGs in a bag."""

import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.dag_site import DagSite

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def airflow_home() -> Iterator[Path]:
    """A home with a fresh database; Airflow reads its settings when it is imported, so it is imported after this."""
    with tempfile.TemporaryDirectory(prefix="freesh-airflow-") as folder:
        os.environ |= {
            "AIRFLOW_HOME": folder,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": f"{folder}/plugins",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        # Airflow and what it imports warn of their own deprecations; ours still are errors.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import airflow.api_fastapi.execution_api.app  # noqa: F401
            from airflow.utils.db import initdb

            initdb()
        yield Path(folder)


@pytest.fixture(scope="session")
def bag(airflow_home: Path) -> "DagBag":
    """The DAGs, read once."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DagSite:
    """A site with a store and no fleet, no sources."""
    site = DagSite(tmp_path, monkeypatch)
    site.connection("freesh_store", extra={"url": site.store_url})
    return site
