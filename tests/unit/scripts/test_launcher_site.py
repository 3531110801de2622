"""The demo's site: it empties only its own folder, and picks slots that can still be pushed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.refresh.slot import Slot
from models.sources.scenario_folder import load_fleet
from scripts.demo import slots_at
from scripts.launcher.programs import LaunchError
from scripts.launcher.runtimes import Runtime
from scripts.launcher.site import FLEET, Site


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("chapter 1", encoding="utf-8")
    with pytest.raises(LaunchError, match="holds other things"):
        Site(tmp_path)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "chapter 1"


def test_its_own_folder_is_emptied_and_used_again(tmp_path: Path) -> None:
    Site(tmp_path / "home").end()
    leftover = tmp_path / "home" / "airflow" / "airflow.db"
    leftover.parent.mkdir()
    leftover.write_bytes(b"old")
    Site(tmp_path / "home").end()
    assert not leftover.exists()


def test_the_demo_fleet_with_its_runtimes_is_a_fleet(tmp_path: Path) -> None:
    fleet = load_fleet(FLEET)
    assert {each.name for each in fleet.partitions if each.bounded} == {"a", "b"}
    assert len(fleet.profiles) == 32
    runtime = Runtime("node-coast", "node", "coast", "http://127.0.0.1:9480", "secret-of-the-runtime")
    folder = tmp_path / "fleet"
    folder.mkdir()
    for file in FLEET.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    with (folder / "scenario.yaml").open("a", encoding="utf-8") as scenario:
        scenario.write("endpoints:\n" + runtime.endpoint_yaml() + "\n")
    (endpoint,) = load_fleet(folder).endpoints
    assert (endpoint.name, endpoint.url, endpoint.connection) == ("node-coast", runtime.url, "freesh_node_coast")
    assert runtime.environment() == {
        "AIRFLOW_CONN_FREESH_NODE_COAST": '{"conn_type": "generic", "password": "secret-of-the-runtime"}'
    }
    assert "secret" not in repr(runtime)


@pytest.mark.parametrize(
    ("minute", "second", "first"), [(0, 0, 24), (27, 59, 24), (28, 1, 25), (30, 0, 25), (59, 30, 26)]
)
def test_the_current_slot_is_planned_unless_it_is_nearly_over(minute: int, second: int, first: int) -> None:
    day = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() // 1_800)
    now = datetime(2026, 3, 1, 12, minute, second, tzinfo=UTC)
    assert slots_at(now) == (Slot(day + first), Slot(day + first + 1))
