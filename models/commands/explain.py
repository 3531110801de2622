"""`python -m models explain`: why an allocation is what it is, and what each limit and promise costs."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding

from models.allocation import SolveWorker, allocate
from models.allocation.explain.document import explanation_document
from models.allocation.explain.explain import explain as explain_allocation
from models.allocation.explain.explain import questions
from models.commands.explanation_table import explanation_tables
from models.commands.solve import WITHOUT_A_PLAN, SolverName, as_object, parse_objective, show
from models.domain.allocation import AllocationResult
from models.domain.explanation import Explanation
from models.domain.scenario import Scenario
from models.sources.scenario_folder import load_scenario


def explain(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Scenario folder.")],
    objective: Annotated[
        str | None, typer.Option(help="carbon | energy | cost | carbon=W,energy=W,cost=W (USD/kgCO2e, USD/kWh, 1).")
    ] = None,
    solver: Annotated[SolverName, typer.Option(help="auto: GLPK for small programs, HiGHS above.")] = SolverName.AUTO,
    gap: Annotated[
        float, typer.Option(help="Relative gap of every solve: how sharp costs are told; 0 = proven optimal.")
    ] = 0.001,
    time_limit: Annotated[
        float, typer.Option(help="Wall-clock limit of every solve, seconds: there is one without each promise.")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="The object on standard output.")] = False,
) -> None:
    """Solve a scenario, then say what was chosen and why, what binds at what price, and what each promise costs."""
    scenario = load_scenario(folder)
    if objective is not None:
        scenario = dataclasses.replace(scenario, objective=parse_objective(objective))
    with SolveWorker() as worker:

        def solve(problem: Scenario, limit_s: float) -> AllocationResult:
            return allocate(problem, solver=solver.value, gap=gap, time_limit_s=limit_s, worker=worker)

        result = solve(scenario, time_limit)
        if result.status in WITHOUT_A_PLAN:
            raise typer.Exit(2)
        whole_s = time_limit * (1 + len(questions(scenario, result)))
        explanation = explain_allocation(scenario, result, solve, limit_s=whole_s, each_s=time_limit)
    if as_json:
        sys.stdout.write(json.dumps(explained_object(result, explanation), indent=1) + "\n")
    else:
        _show(result, explanation, Console())


def explained_object(result: AllocationResult, explanation: Explanation) -> dict[str, Any]:
    """Result and explanation as plain JSON data."""
    prices = [{**dataclasses.asdict(each), "per_percent": each.per_percent} for each in explanation.prices]
    return {
        "modelled": True,
        "result": {**as_object(result), "exposed": [dataclasses.asdict(each) for each in result.exposed]},
        "explanation": {**dataclasses.asdict(explanation), "prices": prices},
    }


def _show(result: AllocationResult, explanation: Explanation, console: Console) -> None:
    show(result, console)
    for table in explanation_tables(explanation_document(explanation)):
        console.print(Padding(table, (1, 0, 0, 0)))
