"""A fleet small enough to plan by hand: two locations, one mode, one partition of two classes."""

from pathlib import Path

from models.domain.scenario import Scenario
from models.sources.scenario_folder import load_fleet

SCENARIO = """\
name: small
step_s: 300
objective: carbon
locations:
  - {name: clean, gpus: {A100: 8}, grid_zone: Z-CLEAN}
  - {name: dirty, gpus: {A100: 8}, grid_zone: Z-DIRTY}
modes:
  - {name: TP2xA100, gpus: {A100: 2}}
partitions:
  - {name: a, classes: [short, long], prompt_tokens: [], answer_tokens: 444}
"""
PROFILES = """\
partition,request_class,mode,capacity_rps,full_power_w,latency_s,ttft_s,tbt_s,idle_power_w
a,short,TP2xA100,4.0,800,5,0.1,0.05,200
a,long,TP2xA100,2.0,800,20,0.1,0.05,200
"""
SLO = """\
partition,request_class,latency_s,ttft_s,tbt_s
a,short,10,0.5,0.1
a,long,40,0.5,0.1
"""
ZONES = {"Z-CLEAN": 50.0, "Z-DIRTY": 500.0}
DEMAND = {("a", "short"): 5.0, ("a", "long"): 1.0}


def write_small_fleet(folder: Path, *, endpoints: str = "", scenario: str = SCENARIO) -> Path:
    """Write the fleet's folder; `endpoints` is a YAML list in one line."""
    folder.mkdir(parents=True, exist_ok=True)
    tail = f"endpoints: {endpoints}\n" if endpoints else ""
    (folder / "scenario.yaml").write_text(scenario + tail, encoding="utf-8")
    (folder / "profiles.csv").write_text(PROFILES, encoding="utf-8")
    (folder / "slo.csv").write_text(SLO, encoding="utf-8")
    return folder


def small_fleet(folder: Path, *, endpoints: str = "", scenario: str = SCENARIO) -> Scenario:
    """The fleet, read from a folder that is written for it."""
    return load_fleet(write_small_fleet(folder, endpoints=endpoints, scenario=scenario))
