"""What a fleet of several models and of machines that come and go must state, and what is refused."""

from pathlib import Path

import pytest

from freesh_plugin.core.errors import ScenarioError
from models.domain.scenario import Machine
from models.sources.scenario_folder import load_fleet, load_scenario
from tests.fakes.scenario_files import CLASSES, TIERS, edit, write_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "scenario")


def append(folder: Path, file: str, *rows: str) -> None:
    with (folder / file).open("a", encoding="utf-8") as table:
        table.write("".join(f"{row}\n" for row in rows))


def without(folder: Path, file: str, part: str) -> None:
    lines = (folder / file).read_text().splitlines(keepends=True)
    kept = [line for line in lines if part not in line]
    assert len(kept) < len(lines)
    (folder / file).write_text("".join(kept))


@pytest.fixture
def own_partitions(folder: Path) -> Path:
    """The model `small` is served under a partition b of its own, `default` under a."""
    edit(
        folder, "scenario.yaml", "models:",
        "  - {name: b, classes: [X, Y], prompt_tokens: [], answer_tokens: 300}\nmodels:",
    )  # fmt: skip
    for file in ("profiles.csv", "slo.csv", "demand.csv"):
        lines = (folder / file).read_text().splitlines(keepends=True)
        (folder / file).write_text("".join(line for line in lines if ",small" not in line))
    for name in "XY":
        append(folder, "profiles.csv", f"b,{name},TP2xA100,3,700,8,0.1,0.05,200,small")
        append(folder, "slo.csv", *(f"b,{name},40,0.3,0.15,small,{tier}" for tier in TIERS))
        append(folder, "demand.csv", *(f"b,{name},{step},1,,eu,small,default" for step in range(2)))
    edit(folder, "running.csv", "TP2xA100,LL,2,,small", "TP2xA100,X,2,b,small")
    return folder


def test_models_may_have_partitions_of_their_own(own_partitions: Path) -> None:
    scenario = load_scenario(own_partitions)
    assert {(each.model, each.partition) for each in scenario.profiles} == {("default", "a"), ("small", "b")}
    assert {(each.model, each.partition) for each in scenario.demand} == {("default", "a"), ("small", "b")}


def test_a_model_has_bounds_and_demand_under_each_of_its_partitions(own_partitions: Path) -> None:
    append(own_partitions, "profiles.csv", *(f"a,{name},TP2xA100,3,700,8,0.1,0.05,200,small" for name in CLASSES))
    with pytest.raises(ScenarioError, match=r"slo\.csv: no row for partition 'a', class 'SS', model 'small'"):
        load_fleet(own_partitions)
    append(own_partitions, "slo.csv", *(f"a,{name},40,0.3,0.15,small,{tier}" for name in CLASSES for tier in TIERS))
    load_fleet(own_partitions)
    with pytest.raises(ScenarioError, match=r"demand\.csv: no row for partition 'a', class 'SS', model 'small'"):
        load_scenario(own_partitions)


def test_bounds_and_demand_beyond_what_is_profiled_are_not_used(own_partitions: Path) -> None:
    """The same requests may be told under every partition: what no profile serves is no fault."""
    append(own_partitions, "slo.csv", "a,SS,40,0.3,0.15,small,default")
    append(own_partitions, "demand.csv", *(f"a,SS,{step},1,,eu,small,default" for step in range(2)))
    assert {(each.model, each.partition) for each in load_scenario(own_partitions).profiles} == {
        ("default", "a"),
        ("small", "b"),
    }


def test_every_step_of_every_tier_of_a_model_has_its_demand(own_partitions: Path) -> None:
    append(own_partitions, "demand.csv", "b,X,0,1,,eu,small,batch")
    with pytest.raises(
        ScenarioError, match=r"demand\.csv: no row for step 1 of .*'b', class 'X', .*model 'small', tier 'batch'"
    ):
        load_scenario(own_partitions)


def test_what_runs_is_of_a_class_of_its_partition(own_partitions: Path) -> None:
    edit(own_partitions, "running.csv", "TP2xA100,X,2,b,small", "TP2xA100,SS,2,b,small")
    with pytest.raises(ScenarioError, match=r"column request_class: 'SS' is not a known class of partition 'b'"):
        load_fleet(own_partitions)


@pytest.mark.parametrize(
    ("written", "first", "end"), [(",0,2", 0, 2), (",1,", 1, None), (",,1", None, 1), (",,", None, None)]
)
def test_a_machine_is_there_from_one_step_until_another(
    folder: Path, written: str, first: int | None, end: int | None
) -> None:
    edit(folder, "machines.csv", "n2,H100,4,1,2", f"n2,H100,4{written}")
    assert load_fleet(folder).machines[1] == Machine("north", "n2", "H100", 4, first, end)


WINDOWS = [
    (",2,", r"machines\.csv, row 3: available from step 2 until step 2: never"),
    (",,0", r"machines\.csv, row 3: available from step 0 until step 0: never"),
    (",1,1", r"machines\.csv, row 3: available from step 1 until step 1: never"),
    (",-1,2", r"row 3, column available_from: -1 is less than the limit 0"),
    (",1,3", r"row 3, column available_until: 3 is greater than the limit 2"),
    (",0.5,2", r"row 3, column available_from: 0\.5 is not a whole number"),
]


@pytest.mark.parametrize(("written", "message"), WINDOWS)
def test_a_window_that_cannot_be_is_refused(folder: Path, written: str, message: str) -> None:
    edit(folder, "machines.csv", "n2,H100,4,1,2", f"n2,H100,4{written}")
    with pytest.raises(ScenarioError, match=message):
        load_fleet(folder)


def test_a_machine_states_each_gpu_type_once(folder: Path) -> None:
    append(folder, "machines.csv", "north,n2,H100,4,,")
    with pytest.raises(ScenarioError, match=r"machines\.csv, row 4: states the same as row 3"):
        load_fleet(folder)


def test_machines_name_every_gpu_of_their_location(folder: Path) -> None:
    without(folder, "machines.csv", "n2,H100")
    with pytest.raises(ScenarioError, match=r"machines of location 'north' have 0 H100 GPUs in all, .* states 4"):
        load_fleet(folder)
