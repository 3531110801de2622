"""The router's decision log: what a real run wrote is made again, decision by decision."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from freesh_plugin.runtime.decision_log import DecisionRecord, replay
from freesh_plugin.runtime.settings import SchedulerSettings
from tests.fakes.router_process import router_process


def test_a_real_runs_decisions_are_made_again(tmp_path: Path) -> None:
    log = tmp_path / "decisions.jsonl"
    flags = ["--max-batch-size", "4"]
    with router_process(tmp_path, flags, {"FREESH_DECISION_LOG": str(log)}, speed=20) as running:
        with ThreadPoolExecutor(24) as pool:
            bodies = [{"inputs": f"Prompt {i}", "parameters": {"max_new_tokens": 20 + 9 * i}} for i in range(24)]
            answers = list(pool.map(lambda body: httpx.post(f"{running.url}/generate", json=body, timeout=60), bodies))
        assert {answer.status_code for answer in answers} == {200}
        running.router.terminate()
        assert running.router.wait(30) == 0
    lines = log.read_bytes().splitlines()
    records = [DecisionRecord.from_json(line) for line in lines]
    joined = [each for record in records for each in (*record.decision.admit, *record.decision.resume)]
    assert len(set(joined)) == 24
    assert "Prompt" not in log.read_text(encoding="utf-8")
    assert json.loads(lines[0])["step"] == 0
    settings = SchedulerSettings(total_tokens_limit=_memory_tokens(running.log), tokens_per_step=1)
    assert list(replay(records, settings)) == []


def _memory_tokens(log: str) -> int:
    """Tokens of memory, as the router says at its start."""
    return int(log.split("memory_tokens=")[1].split()[0])
