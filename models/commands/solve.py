"""`python -m models solve`: the allocation of one scenario folder."""

import dataclasses
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from freesh_plugin.core.errors import AllocationError, ConfigError
from models.allocation import SolveWorker, allocate
from models.domain.allocation import AllocationResult, InstanceCount, Outcome
from models.domain.scenario import Objective
from models.sources.scenario_folder import load_scenario

TERMS = ("carbon", "energy", "cost")
WITHOUT_A_PLAN = (Outcome.INFEASIBLE, Outcome.NO_INCUMBENT)


class Formulation(StrEnum):
    """Which program."""

    PAPER = "paper"
    FULL = "full"


class SolverName(StrEnum):
    """Which solver."""

    AUTO = "auto"
    GLPK = "glpk"
    HIGHS = "highs"


def solve(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Scenario folder.")],
    formulation: Annotated[Formulation, typer.Option(help="Published form, or the full one.")] = Formulation.FULL,
    objective: Annotated[
        str | None, typer.Option(help="carbon | energy | cost | carbon=W,energy=W,cost=W (USD/kgCO2e, USD/kWh, 1).")
    ] = None,
    solver: Annotated[SolverName, typer.Option(help="auto: GLPK for small programs, HiGHS above.")] = SolverName.AUTO,
    gap: Annotated[float, typer.Option(help="Relative gap at which to stop; 0 = proven optimal.")] = 0.01,
    time_limit: Annotated[float, typer.Option(help="Wall-clock limit, seconds.")] = 60.0,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the JSON object here too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The object on standard output.")] = False,
) -> None:
    """Decide which instances serve which class where, and say what was proven."""
    wanted = None if objective is None else parse_objective(objective)
    scenario = load_scenario(folder)
    with SolveWorker() as worker:
        result = allocate(
            scenario, formulation=formulation.value, objective=wanted, solver=solver.value,
            gap=gap, time_limit_s=time_limit, worker=worker,
        )  # fmt: skip
    text = json.dumps(as_object(result), indent=1) + "\n"
    if output is not None:
        _write(output, text)
    if as_json:
        sys.stdout.write(text)
    else:
        show(result, Console())
    if result.status in WITHOUT_A_PLAN:
        raise typer.Exit(2)


def parse_objective(text: str) -> Objective:
    """An objective from `carbon`, or `carbon=0.1,energy=0.02,cost=1`.

    Raises:
        ConfigError: a term is not known, or a weight is not a number >= 0.
    """
    if text in TERMS:
        return Objective.only(text)
    weights: dict[str, float] = {}
    for part in text.split(","):
        term, equals, number = (each.strip() for each in part.partition("="))
        if term not in TERMS or not equals:
            raise ConfigError(f"--objective: {part!r} is neither one of {', '.join(TERMS)} nor TERM=WEIGHT")
        if term in weights:
            raise ConfigError(f"--objective: {term} is given twice")
        weights[term] = _weight(number)
    if not any(weights.values()):
        raise ConfigError(f"--objective: all weights of {text!r} are 0; one must be above 0")
    return Objective(**{term: weights.get(term, 0.0) for term in TERMS}, name="weights")


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight < float("inf"):
        raise ConfigError(f"--objective: weight {text!r} is not a number >= 0")
    return weight


def as_object(result: AllocationResult) -> dict[str, Any]:
    """The result as plain JSON data; `partition` is a name where there is one model."""
    chosen = list(result.partition.values())
    return {
        "status": result.status.value,
        "objective": result.objective,
        "bound": result.bound,
        "gap": result.gap,
        "partition": chosen[0] if len(chosen) == 1 else (result.partition or None),
        "instances": [_instance(each) for each in result.instances],
        "shed_rps": result.shed_rps,
        "solver": result.solver,
        "build_s": result.build_s,
        "solve_s": result.solve_s,
        "shed": [dataclasses.asdict(each) for each in result.shed],
        "exposed": [dataclasses.asdict(each) for each in result.exposed],
        "totals": None if result.totals is None else dataclasses.asdict(result.totals),
        "binding": list(result.binding),
        "notes": list(result.notes),
    }


def _instance(each: InstanceCount) -> dict[str, Any]:
    """A count; its machine only where it matters which one it is."""
    row = dataclasses.asdict(each)
    return row if each.machine is not None else {key: value for key, value in row.items() if key != "machine"}


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AllocationError(f"cannot write {path}: {error.strerror}") from error


def show(result: AllocationResult, console: Console) -> None:
    """The result as a table and lines for people."""
    if result.instances:
        console.print(_instances(result))
    elif result.status not in WITHOUT_A_PLAN:
        console.print("no instances: nothing is to be served")
    for title, number in _headline(result):
        console.print(f"{title:<12}{number}", highlight=False)
    for title, lines in (("binding", result.binding), ("note", result.notes)):
        for line in lines:
            console.print(f"{title:<12}{line}", highlight=False, markup=False)


def _headline(result: AllocationResult) -> list[tuple[str, str]]:
    gap = "gap not proven" if result.gap is None else f"gap {100 * result.gap:.3g} %"
    rows = [("status", f"{result.status.value} by {result.solver or 'no solver'} ({gap})")]
    if result.objective is not None:
        bound = "none" if result.bound is None else f"{result.bound:.6g}"
        rows.append(("objective", f"{result.objective:.6g} (bound {bound})"))
    if result.totals is not None:
        cost = "" if result.totals.cost_usd is None else f", {result.totals.cost_usd:.4g} USD"
        carbon = "not known" if result.totals.carbon_g is None else f"{result.totals.carbon_g:.4g}"
        rows.append(("totals", f"{result.totals.energy_j / 3.6e6:.4g} kWh, carbon {carbon}{cost}"))
    if result.shed:
        worst = max(each.fraction for each in result.shed)
        rows.append(("shed", f"{result.shed_rps:.3g} req/s at the worst step, at most {100 * worst:.3g} % of a class"))
    for each in result.exposed:
        rows.append(
            (
                "exposed",
                f"without {each.lost}, {each.short_rps:.3g} req/s of {each.model} {each.request_class}"
                f" ({100 * each.fraction:.3g} %) could not be served",
            )
        )
    rows.append(("time", f"build {result.build_s:.3f} s, solve {result.solve_s:.3f} s"))
    return rows


def _instances(result: AllocationResult) -> Table:
    chosen = list(result.partition.items())
    names = [partition if len(chosen) == 1 else f"{partition} for {model}" for model, partition in chosen]
    placed = any(each.machine for each in result.instances)
    table = Table(title=f"partition {', '.join(names)}", title_justify="left")
    for column in ("location", *(["machine"] if placed else []), "model", "class", "mode"):
        table.add_column(column)
    table.add_column("instances", justify="right")
    for each in result.instances:
        where = [each.location, *([each.machine or "any"] if placed else [])]
        table.add_row(*where, each.model, each.request_class, each.mode, str(each.count))
    return table
