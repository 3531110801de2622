"""What the tests of the refresh use cases share: a real store in a temporary file."""

from pathlib import Path

import pytest

from models.sources.store import SqlPlanningStore


@pytest.fixture
def store(tmp_path: Path) -> SqlPlanningStore:
    """The one store, on SQLite."""
    return SqlPlanningStore(f"sqlite:///{tmp_path / 'freesh.db'}")
