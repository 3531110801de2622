"""Capacity and power by class, as the planner derives them, written down as stated rows."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from freesh_plugin.core.errors import ScenarioError
from profiling.scenario.template import write_table

_PROFILES = (
    "partition", "request_class", "mode", "capacity_rps", "full_power_w", "latency_s", "ttft_s", "tbt_s",
    "idle_power_w", "model", "modelled",
)  # fmt: skip
_POWER = ("partition", "request_class", "mode", "load", "power_w", "model")


def state_capacities(folder: Path) -> list[dict[str, Any]]:
    """Write `profiles.csv` and `power.csv` of what `python -m models capacity` derives, and return its rows.

    The planner is another program: it is run, not imported.

    Raises:
        ScenarioError: it fails; its own sentence.
    """
    command = [sys.executable, "-m", "models", "capacity", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"the planner failed on {folder}"]
        raise ScenarioError(said[-1].removeprefix("error: "))
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    write_table(folder / "profiles.csv", _PROFILES, ([_text(row[name]) for name in _PROFILES] for row in rows))
    levels = [
        [*(row[name] for name in _POWER[:3]), load, power_w, row["model"]]
        for row in rows
        for load, power_w in row["power_levels"]
    ]
    if levels:
        write_table(folder / "power.csv", _POWER, levels)
    return rows


def _text(value: object) -> object:
    """As the planner writes it: truth as a word, numbers in full."""
    return str(value).lower() if isinstance(value, bool) else value
