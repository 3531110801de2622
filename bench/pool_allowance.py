"""How much more a pool of instances serves than as many instances by themselves: the allowance κ, simulated.

Pools of 1 to 8 identical instances of the shipped (modelled) profiles serve one class behind the balancer. Capacity is
the largest Poisson rate at which 95 % of the requests keep TTFT, mean TBT and latency, at most .9 of saturation;
κ(k) is that of k instances over k times that of one. Beside it stands what it would be without that limit. Then plans
are made with κ and without, for a demand just above what whole instances serve, and their pools simulated.

Usage: python -m bench.pool_allowance
"""

import json
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from bench.record import ROOT, is_current, record
from freesh_plugin.core.plan import Slo
from freesh_plugin.core.request import Partition
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings
from models.allocation import allocate
from models.allocation.pooled import Allowance, allocate_pooled
from models.capacity import Bounds, ClassWork, by_class, serve
from models.capacity.engine_fit import engine_of
from models.capacity.service import MOST_LOAD
from models.domain.lengths import RequestLength
from models.domain.scenario import (
    CarbonPoint,
    Demand,
    Location,
    Mode,
    Objective,
    Profile,
    Scenario,
    ServiceLevel,
)
from models.simulator.class_load import QUANTILE, ClassLoad, kept_at, largest_rate_rps, saturated_rps
from models.simulator.instance_types import InstanceSettings
from models.simulator.pool_run import Choice, Pool
from models.sources.profile_document import shipped_profiles
from models.sources.scenario_engines import load_tokens
from models.sources.scenario_folder import load_fleet

NAME = "pool_allowance"
TOKENS = ROOT / "models" / "data" / "tokens"
CODE = [
    *sorted((ROOT / "models" / "simulator").glob("instance*.py")),
    ROOT / "models" / "simulator" / "class_load.py",
    ROOT / "models" / "simulator" / "pool_run.py",
    ROOT / "freesh_plugin" / "runtime" / "balancer.py",
    ROOT / "freesh_plugin" / "core" / "pass_fit.py",
    ROOT / "bench" / "pool_allowance.py",
]
SIZES = (1, 2, 3, 4, 6, 8)
COMPARED = (1, 2, 4, 8)
"""Sizes at which other ways to choose an instance are compared with the balancer's."""

MODES = {"TP4xA100": ("SS", "SL", "LS", "LL"), "TP2xA100": ("SS",)}
"""Classes by mode: instances of 128 places, and of 15 or so, for which the memory of two GPUs has room."""

SLOS = {
    "SS": Slo(latency_s=30, ttft_s=0.3, tbt_s=0.15),
    "SL": Slo(latency_s=120, ttft_s=0.3, tbt_s=0.15),
    "LS": Slo(latency_s=30, ttft_s=0.6, tbt_s=0.15),
    "LL": Slo(latency_s=120, ttft_s=0.6, tbt_s=0.15),
}
"""TTFT and TBT of the FREESH authors' artefact; latency of `models/data/tokens`."""

PLANNED_MODE, PLANNED_INSTANCES = "TP4xA100", 4.02
"""Just more than four instances serve by themselves."""

REQUESTS, MORE_A_SIZE, SEED = 2000, 800, 11
"""Requests of one instance, and so many more for each further one."""


@dataclass(frozen=True)
class Case:
    """One pool."""

    mode: str
    request_class: str
    size: int
    choice: Choice = Choice.BALANCER


def cases() -> Iterator[Case]:
    """All of them."""
    for mode, classes in MODES.items():
        for request_class in classes:
            yield from (Case(mode, request_class, size) for size in SIZES)
    for choice in (Choice.PREDICTED_WORK, Choice.FEWEST_REQUESTS):
        yield from (Case("TP4xA100", "SS", size, choice) for size in SIZES if size in COMPARED)


def lengths_of(request_class: str) -> tuple[RequestLength, ...]:
    """Lengths of a class of the example's partition `a`."""
    scenario = load_fleet(TOKENS)
    partition = next(each for each in scenario.partitions if each.name == "a")
    return by_class(load_tokens(TOKENS, scenario)[1]["default"], partition)[request_class]


def pool_of(case: Case) -> Pool:
    """The pool of a case."""
    profile = next(each for each in shipped_profiles() if each.mode == case.mode and each.model == "llama-3-70b")
    engine = engine_of(profile.table, mode=case.mode, model="default", gpu_type=profile.gpu_type, gpus=profile.gpus)
    settings = InstanceSettings(scheduler=SchedulerSettings(policy=Policy.FCFS))
    return Pool(engine, case.size, settings, SLOS[case.request_class], choice=case.choice)


def capacities(case: Case) -> dict[str, float]:
    """Rates of the whole pool, with and without the limit of nine tenths of saturation, and saturation itself."""
    pool, slo = pool_of(case), SLOS[case.request_class]
    load = ClassLoad(lengths_of(case.request_class), REQUESTS + MORE_A_SIZE * (case.size - 1), SEED)
    saturated = case.size * saturated_rps(replace(pool, instances=1), replace(load, count=REQUESTS))
    free = largest_rate_rps(lambda rate: kept_at(pool, load, rate, slo).least >= QUANTILE, 0.6 * saturated, saturated)
    return {"saturated_rps": saturated, "free_rps": free, "capacity_rps": min(free, MOST_LOAD * saturated)}


def rows(asked: Sequence[Case], found: Sequence[dict[str, float]]) -> list[dict[str, Any]]:
    """A row a class and mode: κ by size."""
    by_case = dict(zip(asked, found, strict=True))
    made = []
    for mode, request_class, choice in dict.fromkeys((each.mode, each.request_class, each.choice) for each in asked):
        here = (mode, request_class, choice)
        own = {each.size: by_case[each] for each in asked if (each.mode, each.request_class, each.choice) == here}
        made.append(
            {
                "mode": mode,
                "class": request_class,
                "balancer": choice.value,
                "one_rps": round(own[1]["capacity_rps"], 3),
                "load_of_one": round(own[1]["capacity_rps"] / own[1]["saturated_rps"], 3),
                "kappa": {size: _over(own, size, "capacity_rps") for size in own},
                "kappa_without_limit": {size: _over(own, size, "free_rps") for size in own},
            }
        )
    return made


def _over(own: dict[int, dict[str, float]], size: int, name: str) -> float:
    return round(own[size][name] / (size * own[1][name]), 3)


def planned(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Instances of each class in plans with κ and without, and what share of the requests keeps all bounds then."""
    kappa = Allowance(
        {(row["class"], row["mode"]): row["kappa"] for row in found if row["balancer"] == Choice.BALANCER}
    )
    scenario = _scenario()
    plain = allocate(scenario, gap=0)
    pooled, _ = allocate_pooled(scenario, kappa, lambda each: allocate(each, gap=0))
    made = []
    for demand in scenario.demand:
        counts = [
            sum(i.count for i in plan.instances if i.request_class == demand.request_class) for plan in (plain, pooled)
        ]
        for kind, count in zip(("plain", "pooled"), counts, strict=True):
            case = Case(PLANNED_MODE, demand.request_class, count)
            load = ClassLoad(lengths_of(demand.request_class), REQUESTS + MORE_A_SIZE * (count - 1), SEED + 1)
            held = kept_at(pool_of(case), load, demand.demand_rps, SLOS[demand.request_class])
            made.append(
                {
                    "plan": kind,
                    "class": demand.request_class,
                    "demand_rps": round(demand.demand_rps, 3),
                    "instances": count,
                    "kept": {"ttft": round(held.ttft, 4), "tbt": round(held.tbt, 4), "latency": round(held.latency, 4)},
                }
            )
    return made


def _scenario() -> Scenario:
    """One location with room for all, and a demand of `PLANNED_INSTANCES` derived capacities of each class.

    Parked GPUs draw nothing, so that an instance less is something gained.
    """
    profile = next(each for each in shipped_profiles() if each.mode == PLANNED_MODE)
    profiles, demand = [], []
    for name, slo in SLOS.items():
        bounds = Bounds(slo.latency_s, slo.ttft_s, slo.tbt_s)
        own = serve(ClassWork.of(profile.table, lengths_of(name), QUANTILE), bounds)
        profiles.append(
            Profile(
                "a", name, PLANNED_MODE, own.capacity_rps, own.full_power_w, own.latency_s, own.ttft_s, own.tbt_s,
                own.idle_power_w, modelled=True,
            )
        )  # fmt: skip
        demand.append(Demand("a", name, 0, PLANNED_INSTANCES * own.capacity_rps))
    return Scenario(
        name="pools",
        locations=(Location("here", {profile.gpu_type: 200}, parked_power_w={profile.gpu_type: 0.0}),),
        modes=(Mode(PLANNED_MODE, {profile.gpu_type: profile.gpus}),),
        partitions=(Partition("a", tuple(SLOS), (512,), (444,)),),
        profiles=tuple(profiles),
        slos=tuple(ServiceLevel("a", name, slo.latency_s, slo.ttft_s, slo.tbt_s) for name, slo in SLOS.items()),
        demand=tuple(demand),
        carbon=(CarbonPoint("here", 0, 100.0),),
        steps=1,
        objective=Objective.only("energy"),
    )


def main() -> int:
    """Simulate all pools and record."""
    if is_current(NAME, [TOKENS], CODE) and "--force" not in sys.argv:
        return 0
    asked = list(cases())
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        found = []
        for case, each in zip(asked, pool.map(capacities, asked), strict=True):
            found.append(each)
            sys.stdout.write(f"{case} {json.dumps(each)}\n")
            sys.stdout.flush()
    by_size = rows(asked, found)
    results = {"sizes": list(SIZES), "requests": [REQUESTS, MORE_A_SIZE], "rows": by_size, "plans": planned(by_size)}
    record(NAME, command="python -m bench.pool_allowance", inputs=[TOKENS], code=CODE, results=results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
