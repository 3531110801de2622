"""Derived capacities held against simulated instances: what one serves of a class, at most, within its service level.

Scenarios: one that `python -m profiling export-scenario` writes from the shipped (modelled) profiles, and
`models/data/tokens`. Simulated capacity is defined as the derived one is: the largest Poisson rate at which 95 % of the
requests keep each bound, at most nine tenths of what the instance finishes when it is never empty.

Usage: python -m bench.capacity_confirmed
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.record import ROOT, is_current, record
from freesh_plugin.core.plan import Slo
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings
from models.capacity import Derived, bounds_of, by_class
from models.capacity.service import MOST_LOAD
from models.domain.lengths import RequestLength
from models.domain.scenario import Scenario
from models.simulator.class_load import QUANTILE, ClassLoad, kept, kept_at, largest_rate_rps, saturated_rps
from models.simulator.instance_types import InstanceSettings, Outcome
from models.simulator.pool_run import Pool, serve_pool
from models.sources.scenario_engines import load_engines, load_tokens
from models.sources.scenario_folder import load_capacity

NAME = "capacity_confirmed"
PROFILES = ("a100-llama-3-70b-tp4", "a100-llama-3-70b-tp8", "h100-llama-3-70b-tp4")
TOKENS = ROOT / "models" / "data" / "tokens"
DATA = ROOT / "freesh_plugin" / "data"
CODE = [
    ROOT / "models" / "capacity",
    *sorted((ROOT / "models" / "simulator").glob("instance*.py")),
    ROOT / "models" / "simulator" / "class_load.py",
    ROOT / "models" / "simulator" / "pool_run.py",
    ROOT / "freesh_plugin" / "core" / "pass_fit.py",
    ROOT / "freesh_plugin" / "core" / "step_model.py",
    ROOT / "bench" / "capacity_confirmed.py",
]
REQUESTS, SEED = 3000, 7
PARTITION = "a"
_SPAN = (0.75, 1.5)


def exported(folder: Path) -> Path:
    """A scenario of the shipped profiles."""
    command = [sys.executable, "-m", "profiling", "export-scenario", *(str(DATA / f"{each}.json") for each in PROFILES)]
    subprocess.run([*command, "--like", str(TOKENS), "-o", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return folder


def rows(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """A row for each class and mode that serves it."""
    scenario, derived = load_capacity(folder)
    lengths = load_tokens(folder, scenario)[1]
    engines = load_engines(folder, scenario)
    partition = next(each for each in scenario.partitions if each.name == PARTITION)
    for each in derived:
        own = each.profile
        if own.partition != PARTITION or not own.capacity_rps:
            continue
        of_class = by_class(lengths[own.model], partition)[own.request_class]
        pool = Pool(engines[own.model, own.mode], slo=_slo(scenario, each))
        yield {"scenario": name, "mode": own.mode, "class": own.request_class} | _confirmed(each, pool, of_class)


def _slo(scenario: Scenario, derived: Derived) -> Slo:
    own = derived.profile
    mode = next(each for each in scenario.modes if each.name == own.mode)
    bounds = bounds_of(scenario, own.model, own.partition, own.request_class, mode)
    return Slo(latency_s=bounds.latency_s, ttft_s=bounds.ttft_s, tbt_s=bounds.tbt_s)


def _confirmed(derived: Derived, pool: Pool, lengths: tuple[RequestLength, ...]) -> dict[str, Any]:
    """Both capacities, by policy, and what there is at the derived one."""
    own, load = derived.profile, ClassLoad(lengths, REQUESTS, SEED)
    fcfs, llf = (_with(pool, policy) for policy in (Policy.FCFS, Policy.LLF))
    saturated = saturated_rps(fcfs, load)
    simulated = {
        each.settings.scheduler.policy.value: _capacity(each, load, own.capacity_rps, saturated) for each in (fcfs, llf)
    }
    run = serve_pool(fcfs, load.requests(own.capacity_rps))
    assert pool.slo is not None, "it was made with one"
    held = kept(run.outcomes, pool.slo, load.warm_up)
    return {
        "bound_by": derived.served.bind.value,
        "places": len(derived.served.work.step_s),
        "derived_rps": round(own.capacity_rps, 4),
        **{f"simulated_{policy}_rps": round(rate, 4) for policy, rate in simulated.items()},
        **{f"{policy}_over_derived": round(rate / own.capacity_rps, 3) for policy, rate in simulated.items()},
        "saturated_over_derived": round(saturated / derived.served.work.saturation_rps, 3),
        "kept_at_derived": {"ttft": round(held.ttft, 4), "tbt": round(held.tbt, 4), "latency": round(held.latency, 4)},
        "ttft_ms": _both(own.ttft_s, [_ttft_s(each) for each in run.outcomes]),
        "latency_ms": _both(own.latency_s, [_latency_s(each) for each in run.outcomes]),
        "watts": [round(own.full_power_w), round(sum(run.energy_j.values()) / run.end_s)],
    }


def _with(pool: Pool, policy: Policy) -> Pool:
    settings = InstanceSettings(scheduler=SchedulerSettings(policy=policy))
    return Pool(pool.engine, settings=settings, slo=pool.slo)


def _capacity(pool: Pool, load: ClassLoad, derived_rps: float, saturated: float) -> float:
    slo = pool.slo
    assert slo is not None, "it was made with one"
    low, high = (share * derived_rps for share in _SPAN)
    most = MOST_LOAD * saturated
    return largest_rate_rps(
        lambda rate: kept_at(pool, load, rate, slo).least >= QUANTILE, min(low, most), min(high, most)
    )


def _both(derived_s: float, simulated_s: list[float]) -> list[float]:
    """The 95 % quantile, derived and simulated, in ms."""
    return [round(1000 * derived_s, 1), round(1000 * float(np.quantile(simulated_s, QUANTILE)), 1)]


def _ttft_s(outcome: Outcome) -> float:
    return float("inf") if outcome.first_token_s is None else outcome.first_token_s - outcome.arrival.at_s


def _latency_s(outcome: Outcome) -> float:
    return float("inf") if outcome.finished_s is None else outcome.finished_s - outcome.arrival.at_s


def main() -> int:
    """Confirm both scenarios and record."""
    inputs = [TOKENS, *(DATA / f"{each}.json" for each in PROFILES)]
    if is_current(NAME, inputs, CODE) and "--force" not in sys.argv:
        return 0
    found = []
    with tempfile.TemporaryDirectory(prefix="freesh-bench-") as made:
        for name, folder in (("exported", exported(Path(made) / "exported")), ("tokens", TOKENS)):
            for row in rows(name, folder):
                found.append(row)
                sys.stdout.write(json.dumps(row) + "\n")
                sys.stdout.flush()
    record(NAME, command="python -m bench.capacity_confirmed", inputs=inputs, code=CODE, results={"rows": found})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
