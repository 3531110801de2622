"""`python -m models governor-bench`: energy and violations of the clock governor and its rivals, simulated."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from enum import StrEnum
from statistics import fmean
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from models.commands.progress import progress
from models.commands.seeds import seeds_of
from models.simulator.governor_bench import (
    STATIC,
    GovernorRun,
    check_policy,
    clocks_of,
    instance_with,
    policies,
    run_one,
)
from models.simulator.governor_run import GovernorScores
from models.simulator.governor_workload import Load
from models.simulator.processes import done_by_all
from models.simulator.queue_bench import Difference, paired

REPORTED_SEEDS = tuple(range(100, 120))
"""Seeds that no setting was chosen on."""

Scored = tuple[GovernorRun, GovernorScores]


class PowerVariant(StrEnum):
    """Power models of `core/power_model.py`, by where energy per token is least."""

    LOW = "low"
    MID = "mid"
    HIGH = "high"


def governor_bench(
    policy: Annotated[list[str] | None, typer.Option(help="A policy, such as miad or static-1605; all.")] = None,
    load: Annotated[list[Load] | None, typer.Option(help="A load; all five.")] = None,
    seed: Annotated[list[str] | None, typer.Option(help="A seed or a range such as 100-119, the default.")] = None,
    more_seeds: Annotated[list[str] | None, typer.Argument(metavar="[SEED]...", help="More of them.")] = None,
    power_model: Annotated[PowerVariant, typer.Option(help="Where energy per token is least.")] = PowerVariant.HIGH,
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON on standard output.")] = False,
) -> None:
    """Serve the same ten minutes of requests under every policy. Simulated: times and watts are assumed.

    Differences to the highest clock are paired by seed, with 95 % intervals.
    """
    instance = instance_with(power_model)
    clocks = clocks_of(instance)
    asked = list(dict.fromkeys(policy or policies(clocks)))
    for name in asked:
        check_policy(name, clocks)
    highest = f"{STATIC}{clocks.ceiling_mhz}"
    names = asked if as_json or highest in asked else [highest, *asked]
    seeds = seeds_of([*(seed or ()), *(more_seeds or ())], REPORTED_SEEDS)
    runs = [GovernorRun(name, each, s, instance) for name in names for each in load or tuple(Load) for s in seeds]
    with progress(quiet=as_json) as told:
        scores = done_by_all(run_one, runs, told and _told(told, len(runs)))
    scored = list(zip(runs, scores, strict=True))
    if as_json:
        sys.stdout.write(json.dumps([_row(*each) for each in scored], indent=1) + "\n")
        return
    for each in dict.fromkeys(run.load for run in runs):
        Console().print(_table(each, [pair for pair in scored if pair[0].load is each], highest))
    Console().print(_means(scored, highest))


_CAPTION = (
    "energy and more: against the highest clock, mean of paired seeds, 95 % interval; TTFT, TBT: requests and tokens"
    " beyond their SLO; moves: changes of the clock a minute; ticks: longest recovery"
)


def _told(told: Callable[[str, int, int], None], total: int) -> Callable[[int], None]:
    return lambda done: told("runs", done, total)


def _row(run: GovernorRun, scores: GovernorScores) -> dict[str, Any]:
    return {"policy": run.policy, "load": run.load.value, "seed": run.seed} | asdict(scores)


def _table(load: Load, scored: Sequence[Scored], highest: str) -> Table:
    """Means of each policy, and how it differs from the highest clock."""
    by_policy = _by_policy(scored)
    table = Table(
        title=f"load {load}, {len(by_policy[highest])} runs of 10 min, simulated",
        caption=_CAPTION,
        box=SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    table.add_column("policy", no_wrap=True)
    for name in ("kJ", "energy %", "TTFT %", "more", "TBT %", "moves", "ticks"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, scores in by_policy.items():
        table.add_row(name, *_cells(scores, by_policy[highest]))
    return table


def _cells(scores: Sequence[GovernorScores], top: Sequence[GovernorScores]) -> list[str]:
    energy = paired([100 * a.energy_j / b.energy_j for a, b in zip(scores, top, strict=True)], [100.0] * len(top))
    more = paired([100 * each.ttft_violation for each in scores], [100 * each.ttft_violation for each in top])
    return [
        f"{fmean(each.energy_j for each in scores) / 1000:.1f}",
        _interval(energy, 1),
        f"{100 * fmean(each.ttft_violation for each in scores):.2f}",
        _interval(more, 2),
        f"{100 * fmean(each.tbt_violation for each in scores):.2f}",
        f"{fmean(each.changes_per_min for each in scores):.0f}",
        f"{max(each.recovery_ticks for each in scores)}",
    ]


def _means(scored: Sequence[Scored], highest: str) -> Table:
    """Energy of each policy over all loads."""
    loads = list(dict.fromkeys(run.load for run, _ in scored))
    table = Table(title="mean over loads: energy against the highest clock, %", box=SIMPLE_HEAD, padding=(0, 0, 0, 1))
    table.add_column("policy", no_wrap=True)
    for name in ("mean", *loads):
        table.add_column(name, justify="right", no_wrap=True)
    by_load = [_by_policy([each for each in scored if each[0].load is load]) for load in loads]
    for name in by_load[0]:
        shares = [_energy_share(each[name], each[highest]) for each in by_load]
        table.add_row(name, f"{100 * (fmean(shares) - 1):+.1f}", *(f"{100 * (each - 1):+.1f}" for each in shares))
    return table


def _energy_share(scores: Sequence[GovernorScores], top: Sequence[GovernorScores]) -> float:
    return fmean(a.energy_j / b.energy_j for a, b in zip(scores, top, strict=True))


def _by_policy(scored: Sequence[Scored]) -> dict[str, list[GovernorScores]]:
    found: dict[str, list[GovernorScores]] = {}
    for run, scores in scored:
        found.setdefault(run.policy, []).append(scores)
    return found


def _interval(found: Difference, digits: int) -> str:
    return f"{found.mean:+.{digits}f} ±{found.half_width:.{digits}f}"
