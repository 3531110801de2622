"""`python -m profiling live`: what routers count while they serve, from themselves or from Prometheus, into a table."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from freesh_plugin.core.errors import ConfigError
from profiling.live.live_table import append_live
from profiling.live.prometheus import history
from profiling.live.scrape import looks


def live(
    urls: Annotated[list[str] | None, typer.Argument(metavar="[URL]...", help="Routers to look at.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Table (CSV); rows are added.")] = Path("live.csv"),
    prometheus: Annotated[str | None, typer.Option(help="A Prometheus server that has scraped them, instead.")] = None,
    for_s: Annotated[float, typer.Option(min=1, help="Seconds to look for; with --prometheus, back from now.")] = 1800,
    every_s: Annotated[float, typer.Option(min=1, help="Seconds from one look to the next.")] = 60,
    token_env: Annotated[str | None, typer.Option(help="Variable that holds Prometheus's bearer token.")] = None,
) -> None:
    """Write down what routers count, for `drift` to hold against what was planned. Reads only."""
    if bool(urls) == bool(prometheus):
        raise ConfigError("live needs either URLs of routers or --prometheus URL")
    token = os.environ.get(token_env) if token_env else None
    count, routers = 0, set[str]()
    for rows in (
        [history(prometheus, time.time(), for_s, every_s, token)] if prometheus else looks(urls or [], every_s, for_s)
    ):
        append_live(output, rows)
        count, routers = count + len(rows), routers | {row.router for row in rows}
    sys.stdout.write(f"{count} rows of {len(routers)} routers in {output}\n")
