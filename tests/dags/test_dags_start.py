"""From when on the schedule begins: at once, or at the moment that the environment names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASK = "from dags.slots import SCHEDULED_FROM; print(SCHEDULED_FROM)"


@pytest.mark.airflow
@pytest.mark.parametrize(
    ("named", "begins"), [({}, "None"), ({"AIRFLOW_VAR_FREESH_START": "2026-03-01T12:25:00+00:00"}, "2026-03-01 12:25")]
)
def test_the_schedule_begins_when_the_environment_says(named: dict[str, str], begins: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=ROOT, env={**os.environ, **named}, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout.strip().splitlines()[-1].startswith(begins)
