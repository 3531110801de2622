"""`python -m models …`: the planner's command line. Bad input ends with one sentence and exit status 2."""

import sys

import typer

from freesh_plugin.core.errors import FreeshError
from models.commands import (
    backtest,
    capacity,
    evaluate,
    explain,
    governor_bench,
    pareto,
    schedule_bench,
    show_plan,
    simulate,
    solve,
    value,
)

app = typer.Typer(
    name="python -m models",
    help="Plan a fleet: solve a scenario, weigh aims, test forecasts, schedulers, clocks and whole fleets.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command(name="solve")(solve.solve)
app.command(name="explain")(explain.explain)
app.command(name="show-plan")(show_plan.show_plan)
app.command(name="backtest")(backtest.backtest)
app.command(name="pareto")(pareto.pareto)
app.command(name="value")(value.value)
app.command(name="capacity")(capacity.capacity)
app.command(name="schedule-bench")(schedule_bench.schedule_bench)
app.command(name="governor-bench")(governor_bench.governor_bench)
app.command(name="simulate")(simulate.simulate)
app.command(name="evaluate")(evaluate.evaluate)


def main() -> None:
    """Run a command; a FreeshError becomes one sentence on standard error and exit status 2."""
    try:
        app()
    except FreeshError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
