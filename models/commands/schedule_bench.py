"""`python -m models schedule-bench`: how the scheduler's policies fare against each other, simulated."""

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

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.runtime.policy import Policy
from models.commands.progress import progress
from models.commands.seeds import seeds_of
from models.simulator.batched_bench import BatchedRun, batched_runs, run_batched
from models.simulator.queue_bench import Difference, QueueRun, paired, run_all, run_each, runs
from models.simulator.queue_scores import QueueScores
from models.simulator.queue_workload import WORKERS, Arrivals

REPORTED_SEEDS = tuple(range(100, 130))
"""Seeds that no setting was chosen on."""


class EngineModel(StrEnum):
    """What serves the requests."""

    QUEUE = "queue"
    """20 single-stream workers."""
    BATCHED = "batched"
    """One instance with continuous batching."""


_RESUME_COST_S = 0.1
_MOST_PLACES = 1024

AnyRun = QueueRun | BatchedRun
"""A run of either engine."""


def schedule_bench(
    scenario: Annotated[Arrivals, typer.Option(help="How requests arrive.")] = Arrivals.STEADY,
    engine: Annotated[EngineModel, typer.Option(help="What serves them.")] = EngineModel.QUEUE,
    load: Annotated[list[float] | None, typer.Option(help="Steady: load of capacity, 0.9; may be repeated.")] = None,
    length_error: Annotated[float, typer.Option(help="σ of the error of predicted lengths.")] = 0.5,
    resume_cost: Annotated[
        float | None,
        typer.Option(help="Queue: seconds to resume a preempted request, 0.1; batched: what memory takes."),
    ] = None,
    places: Annotated[int | None, typer.Option(help="Batched: requests that run at once, 20; others in ratio.")] = None,
    seed: Annotated[list[str] | None, typer.Option(help="A seed or a range such as 100-129, the default.")] = None,
    more_seeds: Annotated[list[str] | None, typer.Argument(metavar="[SEED]...", help="More of them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON on standard output.")] = False,
) -> None:
    """Serve the same requests under every policy; LLF's differences are paired by seed, with 95 % intervals."""
    loads, seeds = _loads(scenario, load), seeds_of([*(seed or ()), *(more_seeds or ())], REPORTED_SEEDS)
    error = _within("--length-error", length_error, 0, 2)
    served: Sequence[tuple[AnyRun, QueueScores]]
    with progress(quiet=as_json) as told:
        if engine is EngineModel.QUEUE:
            _only("--places", places, EngineModel.BATCHED)
            cost_s = _RESUME_COST_S if resume_cost is None else resume_cost
            queued = runs(scenario, loads, seeds, error, _within("--resume-cost", cost_s, 0, 60))
            served = list(zip(queued, run_all(queued, told and _told(told, len(queued))), strict=True))
        else:
            _only("--resume-cost", resume_cost, EngineModel.QUEUE)
            room = int(_within("--places", WORKERS if places is None else places, 1, _MOST_PLACES))
            batched = batched_runs(scenario, loads, seeds, error, room)
            served = list(zip(batched, run_each(run_batched, batched, told and _told(told, len(batched))), strict=True))
    if as_json:
        sys.stdout.write(json.dumps([_row(*pair) for pair in served], indent=1) + "\n")
        return
    for number in dict.fromkeys(run.load for run, _ in served):
        Console().print(_table(number, [pair for pair in served if pair[0].load == number]))


def _told(told: Callable[[str, int, int], None], total: int) -> Callable[[int], None]:
    return lambda done: told("runs", done, total)


def _row(run: AnyRun, scores: QueueScores) -> dict[str, Any]:
    return {"policy": run.settings.policy.value, "load": run.load, "seed": run.seed} | asdict(scores)


def _table(load: float, served: Sequence[tuple[AnyRun, QueueScores]]) -> Table:
    """Means of each policy, and how LLF differs from it."""
    run = served[0][0]
    table = Table(
        title=f"{run.arrivals}, load {load:g}, length error {run.length_error:g}, {_engine(run)}",
        caption="llf minus: mean of paired seeds, 95 % interval (* = llf is worse); stall: p99",
        box=SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    table.add_column("policy", no_wrap=True)
    for name in ("breach %", "llf minus", "stall s", "llf minus", "mean s", "p99 s", "Jain", "preempt"):
        table.add_column(name, justify="right", no_wrap=True)
    by_policy = {
        policy: [scores for run, scores in served if run.settings.policy is policy] for policy in tuple(Policy)
    }
    for policy, scores in by_policy.items():
        table.add_row(policy.value, *_cells(scores, None if policy is Policy.LLF else by_policy[Policy.LLF]))
    return table


def _engine(run: AnyRun) -> str:
    """What serves, in a phrase."""
    if isinstance(run, BatchedRun):
        return f"{run.places} places in a batch"
    return f"resume cost {run.resume_cost_s:g} s"


def _cells(scores: Sequence[QueueScores], ours: Sequence[QueueScores] | None) -> list[str]:
    def of(name: str, of_scores: Sequence[QueueScores] = scores) -> list[float]:
        return [float(getattr(each, name)) for each in of_scores]

    def difference(name: str, scale: float, digits: int) -> str:
        return "" if ours is None else _interval(paired(of(name, ours), of(name)), scale, digits)

    return [
        f"{100 * fmean(of('breach')):.2f}",
        difference("breach", 100, 2),
        f"{fmean(of('p99_stall_s')):.1f}",
        difference("p99_stall_s", 1, 1),
        f"{fmean(of('mean_latency_s')):.2f}",
        f"{fmean(of('p99_latency_s')):.1f}",
        f"{fmean(of('fairness_jain')):.4f}",
        f"{fmean(of('preemptions_per_request')):.2f}",
    ]


def _interval(found: Difference, scale: float, digits: int) -> str:
    mark = "" if found.no_worse else "*"
    return f"{scale * found.mean:+.{digits}f} ±{scale * found.half_width:.{digits}f}{mark}"


def _loads(scenario: Arrivals, load: list[float] | None) -> list[float]:
    if scenario is Arrivals.BURSTS:
        if load:
            raise ScenarioError("--load: bursts have loads of their own, 1.3 and 0.8 of capacity")
        return []
    return [_within("--load", each, 0.01, 2) for each in load or (0.9,)]


def _only(option: str, given: float | None, engine: EngineModel) -> None:
    if given is not None:
        raise ScenarioError(f"{option}: is for --engine {engine}")


def _within(option: str, number: float, low: float, high: float) -> float:
    if not low <= number <= high:
        raise ScenarioError(f"{option}: {number:g}, must be from {low:g} to {high:g}")
    return number
