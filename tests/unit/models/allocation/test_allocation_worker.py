"""The solving process: reused, killed past its hard limit with all it started, replaced, never without an answer."""

import dataclasses
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from freesh_plugin.core.errors import ScenarioError
from models.allocation import SolveWorker, allocate
from models.domain.allocation import InstanceCount, Outcome
from models.domain.scenario import Objective
from tests.fakes.fleet_scenarios import tiny


@pytest.fixture(scope="module")
def worker() -> Iterator[SolveWorker]:
    with SolveWorker() as each:
        yield each


def is_running(pid: int) -> bool:
    """Whether a process is alive; a zombie that nobody has waited for is not, once its threads are gone."""
    try:
        if len(list(Path(f"/proc/{pid}/task").iterdir())) > 1:
            return True
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def ends(pid: int) -> bool:
    """Whether a process is gone, now or soon."""
    for _ in range(200):
        if not is_running(pid):
            return True
        time.sleep(0.05)
    return False


def test_same_answer_as_in_this_process(worker: SolveWorker) -> None:
    for formulation in ("paper", "full"):
        here = allocate(tiny(), formulation=formulation, gap=0.0)
        there = allocate(tiny(), formulation=formulation, gap=0.0, worker=worker)
        assert (there.objective, there.instances, there.flows) == (here.objective, here.instances, here.flows)


def test_one_process_serves_all_calls(worker: SolveWorker) -> None:
    worker.allocate(tiny())
    first = worker.pid
    worker.allocate(tiny(demand_rps=(1.0,)), formulation="paper")
    assert first is not None
    assert worker.pid == first


def test_faults_of_the_scenario_come_back_as_they_are(worker: SolveWorker) -> None:
    with pytest.raises(ScenarioError, match=r"prices\.csv"):
        worker.allocate(tiny(), objective=Objective.only("cost"))
    assert worker.allocate(tiny()).status is Outcome.OPTIMAL


def test_a_given_allocation_is_evaluated_there_too(worker: SolveWorker) -> None:
    result = worker.evaluate_fixed(tiny(), "q", [InstanceCount("there", "default", "R", "TP2", 2)])
    assert {each.location for each in result.flows} == {"there"}


def test_closing_ends_the_process() -> None:
    with SolveWorker() as worker:
        worker.allocate(tiny())
        pid = worker.pid
    assert pid is not None
    assert ends(pid)
    assert worker.pid is None


def test_past_the_hard_limit_it_is_killed_with_all_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = tmp_path / "pids"
    monkeypatch.setenv("FREESH_TEST_PIDS", str(pids))
    with SolveWorker(grace_s=1.0, program="tests.fakes.worker_hangs") as worker:
        result = allocate(tiny(), formulation="paper", time_limit_s=1.0, worker=worker)
        assert worker.pid is None
    assert result.status is Outcome.NO_INCUMBENT
    assert "killed" in result.notes[0]
    assert all(ends(int(each)) for each in pids.read_text(encoding="ascii").split())


def test_a_killed_worker_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESH_TEST_PIDS", str(tmp_path / "pids"))
    with SolveWorker(grace_s=0.5, program="tests.fakes.worker_hangs") as worker:
        for _ in range(2):
            assert worker.allocate(tiny(), formulation="paper", time_limit_s=0.5).status is Outcome.NO_INCUMBENT
    with SolveWorker() as worker:
        worker.allocate(tiny())
        assert worker.pid is not None
        os.kill(worker.pid, 9)
        assert ends(worker.pid)
        assert worker.allocate(tiny()).status is Outcome.OPTIMAL


@pytest.mark.parametrize(
    ("program", "status"), [("tests.fakes.worker_crashes", "-11"), ("tests.fakes.worker_stillborn", "3")]
)
def test_a_worker_that_crashes_is_no_incumbent_and_says_so(program: str, status: str) -> None:
    with SolveWorker(program=program) as worker:
        result = allocate(tiny(), formulation="paper", worker=worker)
    assert result.status is Outcome.NO_INCUMBENT
    assert f"status {status}" in result.notes[0]


def test_the_full_form_still_plans_when_its_worker_dies() -> None:
    with SolveWorker(program="tests.fakes.worker_crashes") as worker:
        result = allocate(tiny(), worker=worker)
    assert result.status is Outcome.GREEDY
    assert sum(each.count for each in result.instances) == 2
    assert any("ended by itself" in each for each in result.notes)
    assert any("rule of thumb" in each for each in result.notes)


def test_an_unused_worker_starts_nothing() -> None:
    with SolveWorker() as worker:
        assert worker.pid is None


def test_objective_of_the_call_goes_along(worker: SolveWorker) -> None:
    scenario = dataclasses.replace(tiny(), objective=Objective.only("carbon"))
    result = worker.allocate(scenario, objective=Objective.only("energy"), gap=0.0)
    assert result.totals is not None
    assert result.objective == pytest.approx(result.totals.energy_j)
