"""`python -m profiling`: measure, fit, show and export profiles. Bad input ends with one sentence and exit status 2."""

import sys

import typer

from freesh_plugin.core.errors import FreeshError
from profiling.commands import drift, export_scenario, fit, live, show, sweep

app = typer.Typer(
    name="python -m profiling",
    help="Profiles of models on GPUs: measure an endpoint, fit, show, export, and watch for drift.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command(name="sweep")(sweep.sweep)
app.command(name="fit")(fit.fit)
app.command(name="show")(show.show)
app.command(name="export-scenario")(export_scenario.export_scenario)
app.command(name="live")(live.live)
app.command(name="drift")(drift.drift)


def main() -> None:
    """Run a command; a FreeshError becomes one sentence on standard error and exit status 2."""
    try:
        app()
    except FreeshError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
