"""`python -m models pareto`: what carbon costs in money or energy: plans none beats in both, and their weights."""

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from freesh_plugin.core.errors import ConfigError
from models.allocation import SolveWorker, allocate
from models.allocation.pareto import BEND, MOST_POINTS, Front, Point, Progress, pareto_front
from models.commands.figure import check_target, save
from models.commands.pareto_figure import axis_label, pareto_figure, weights_of
from models.commands.progress import Progress as Told
from models.commands.progress import progress
from models.commands.solve import as_object
from models.sources.scenario_folder import load_scenario


class Aim(StrEnum):
    """What is minimised."""

    CARBON = "carbon"
    ENERGY = "energy"
    COST = "cost"


def pareto(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Scenario folder.")],
    x: Annotated[Aim, typer.Option(help="One aim.")] = Aim.CARBON,
    y: Annotated[Aim, typer.Option(help="The other aim; cost needs prices.csv.")] = Aim.COST,
    points: Annotated[int, typer.Option(help="How many points are wanted; there may be fewer to find.")] = 9,
    gap: Annotated[float, typer.Option(help="Relative gap at which a solve stops: the front is as exact.")] = 0.001,
    time_limit: Annotated[float, typer.Option(help="Wall-clock limit of a solve, seconds.")] = 60.0,
    plot: Annotated[Path | None, typer.Option(help="Draw the front into this PNG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Whole results as JSON on standard output.")] = False,
) -> None:
    """Sweep the weights between two aims; say what each plan gives in both and which weights give it."""
    check_target(plot)
    _check(x, y, points)
    scenario = load_scenario(folder)
    with SolveWorker() as worker, progress(quiet=as_json) as told:
        solve = partial(allocate, gap=gap, time_limit_s=time_limit, worker=worker)
        front = pareto_front(scenario, solve, x=x.value, y=y.value, points=points, progress=_points(told))
    if as_json:
        sys.stdout.write(json.dumps(as_data(front), indent=1) + "\n")
    else:
        _show(front, scenario.carbon_signal.unit, Console())
    if plot is not None:
        title = f"{scenario.name}: what less {x.value} takes in {y.value}"
        save(pareto_figure(front, title, scenario.carbon_signal.unit), plot)


def as_data(front: Front) -> dict[str, Any]:
    """The front as plain JSON data, every point with its whole result."""
    return {
        "modelled": True,
        "x": front.x,
        "y": front.y,
        "solves": front.solves,
        "dominated": front.dominated,
        "points": [
            {
                "objective": _objective(each),
                front.x: each.x,
                front.y: each.y,
                "knee": each is front.knee,
                "result": as_object(each.result),
            }
            for each in front.points
        ],
    }


def _objective(point: Point) -> str | dict[str, float]:
    """As scenario.yaml states it."""
    objective = point.objective
    if objective.name != "weights":
        return objective.name
    terms = {"carbon": objective.carbon, "energy": objective.energy, "cost": objective.cost}
    return {term: weight for term, weight in terms.items() if weight}


def _check(x: Aim, y: Aim, points: int) -> None:
    if x is y:
        raise ConfigError(f"--x and --y are both {x.value}: a front needs two aims")
    if not 2 <= points <= MOST_POINTS:
        raise ConfigError(f"--points: {points}, must be from 2 to {MOST_POINTS}")


def _show(front: Front, carbon_unit: str, console: Console) -> None:
    table = Table(title=f"{front.x} against {front.y}, modelled", title_justify="left")
    for term in (front.x, front.y):
        table.add_column(axis_label(term, carbon_unit).removesuffix(" per horizon"), justify="right")
    for name in ("instances", "shed req/s"):
        table.add_column(name, justify="right")
    table.add_column("objective of scenario.yaml", no_wrap=True)
    knee = front.knee
    for each in front.points:
        instances = sum(count.count for count in each.result.instances)
        cells = (f"{each.x:.4f}", f"{each.y:.4f}", str(instances), f"{each.result.shed_rps:.3g}")
        mark = "  <- knee" if each is knee else ""
        table.add_row(*cells, weights_of(each) + mark, style="bold" if mark else "")
    console.print(table)
    for line in _notes(front):
        console.print(line, highlight=False, markup=False)


def _notes(front: Front) -> Iterator[str]:
    yield f"{front.solves} solves; {front.dominated} gave nothing that another plan does not beat or equal."
    if len(front.points) == 1:
        yield f"One plan is best in both: least {front.x} is least {front.y} here."
    elif front.knee is None:
        yield f"No knee: no point lies {100 * BEND:g} % of the way below the line between the ends."
    else:
        yield "Knee: the point farthest below the line between the ends, each aim scaled from 0 to 1."


def _points(told: Told | None) -> Progress | None:
    """How many points are found."""
    return None if told is None else lambda found, wanted: told("points found", found, wanted)
