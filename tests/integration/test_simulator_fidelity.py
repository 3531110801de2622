"""The simulator against a live router on a simulated shard: the same decisions, and the same times and energy.

The full run of 500 requests is recorded: `python -m bench.simulator_fidelity`.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bench.simulator_fidelity import Drive, live, simulated
from freesh_plugin.runtime.decision_log import DecisionRecord, replay
from models.simulator.instance_types import InstanceSettings
from tests.fakes.router_process import router_process

DRIVE = Drive(count=70, rate_rps=10.0, prompt_tokens=16, answer_tokens=9, speed=0.05)


def test_the_simulators_scheduler_decides_as_the_live_router_did(tmp_path: Path) -> None:
    """Few places and answers of many lengths, so that requests wait and are preempted."""
    log = tmp_path / "decisions.jsonl"
    with router_process(tmp_path, ["--max-batch-size", "3"], {"FREESH_DECISION_LOG": str(log)}, speed=20) as running:
        bodies = [{"inputs": f"Prompt {i}", "parameters": {"max_new_tokens": 150 - 6 * i}} for i in range(24)]
        with ThreadPoolExecutor(24) as pool:
            answers = list(pool.map(lambda body: httpx.post(f"{running.url}/generate", json=body, timeout=60), bodies))
        assert {answer.status_code for answer in answers} == {200}
        running.router.terminate()
        assert running.router.wait(30) == 0
    records = [DecisionRecord.from_json(line) for line in log.read_bytes().splitlines()]
    assert len({each for record in records for each in record.decision.admit}) == 24
    memory_tokens = int(running.log.split("memory_tokens=")[1].split()[0])
    settings = replace(InstanceSettings().scheduler, total_tokens_limit=memory_tokens)
    assert list(replay(records, settings)) == []


@pytest.mark.slow
def test_times_and_energy_are_those_of_a_live_run(tmp_path: Path) -> None:
    """Within 5 %, and what a busy machine adds between passes, of which the simulator knows nothing."""
    ran = live(DRIVE, tmp_path)
    ours = simulated(ran.answered, DRIVE.speed)
    allowed = 0.05 + ran.overhead
    assert len(ran.answered) == DRIVE.count
    assert ours.ttft_s == pytest.approx(ran.means.ttft_s, rel=allowed)
    assert ours.tbt_s == pytest.approx(ran.means.tbt_s, rel=allowed)
    assert ours.energy_j == pytest.approx(ran.means.energy_j, rel=allowed)
