"""`make demo` as a person runs it: it ends by itself with a status, and a signal at any time leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from scripts.launcher.programs import family_of, is_alive

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "scripts/demo.py"]


def start_demo(home: Path, **env: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        DEMO,
        cwd=ROOT,
        env=os.environ | {"DEMO_HOME": str(home), "COLUMNS": "160"} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_the_demo_plans_two_slots_and_ends_by_itself(tmp_path: Path) -> None:
    with start_demo(tmp_path / "home", DEMO_EXIT="1") as demo:
        told, _ = demo.communicate(timeout=400)
    assert demo.returncode == 0, told
    for expected in (
        "synthetic traffic",
        "synthetic carbon",
        "Predicted (modelled)",
        "every GPU on",
        "Plan of the slot after",
        "freesh status of every runtime",
        "router-fjord",
        "Answers of the router (simulated engine",
        "ended: no process and no socket is left",
    ):
        assert expected in told
    assert told.count("fresh") >= 4
    named_in = [each.info["cmdline"] or [] for each in psutil.process_iter(["cmdline"])]
    assert not [line for line in named_in if str(tmp_path) in " ".join(line)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_starts_ends_everything(tmp_path: Path, number: signal.Signals) -> None:
    with start_demo(tmp_path / "home") as demo:
        migrating = tmp_path / "home" / "programs" / "migrate.log"
        end = time.monotonic() + 60
        while not migrating.exists():
            assert time.monotonic() < end, "Airflow was not started"
            time.sleep(0.05)
        family = family_of(demo.pid)
        demo.send_signal(number)
        told, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert "ending ..." in told
    assert len(family) > 4
    assert [each for each in family if is_alive(each)] == []


def test_a_folder_that_is_not_the_demos_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("chapter 1", encoding="utf-8")
    with start_demo(tmp_path, DEMO_EXIT="1") as demo:
        told, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert "holds other things" in told
    assert "Traceback" not in told
