"""The `freesh` command line; it wires and starts, nothing else."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from freesh_plugin.adapters.clock import SystemClock
from freesh_plugin.adapters.plan_token import known_token
from freesh_plugin.adapters.status_client import fetch_status
from freesh_plugin.adapters.status_table import show_status
from freesh_plugin.config import PluginConfig
from freesh_plugin.core.errors import FreeshError
from freesh_plugin.core.plan_status import PlanState
from freesh_plugin.services.router_command import router_command
from freesh_plugin.services.serve import serve as serve_plans

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="FREESH beside the GPUs.")

StateDir = Annotated[
    Path | None,
    typer.Option(help="Folder that survives restarts (FREESH_STATE_DIR; default ~/.local/state/freesh)."),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(help="File with the plan API's token (FREESH_PLAN_TOKEN_FILE; default plan-token in the state dir)."),
]


@app.callback(invoke_without_command=True)
def freesh(show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    """FREESH beside the GPUs: takes plans, and shows them."""
    if show:
        sys.stdout.write(f"freesh {_version()}\n")
        raise typer.Exit


@app.command()
def serve(
    name: Annotated[str | None, typer.Option(help="What this runtime calls itself (FREESH_NAME).")] = None,
    admin_host: Annotated[
        str | None, typer.Option(help="Address to listen on (FREESH_ADMIN_HOST; default 127.0.0.1).")
    ] = None,
    admin_port: Annotated[
        str | None, typer.Option(metavar="PORT", help="Port, 0 = any free one (FREESH_ADMIN_PORT; default 9480).")
    ] = None,
    state_dir: StateDir = None,
    token_file: TokenFile = None,
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote", help="Listen beyond this machine (FREESH_ALLOW_REMOTE=1); needs your own token."
        ),
    ] = False,
) -> None:
    """Serve the plan API on the admin port until SIGINT or SIGTERM.

    Options come before FREESH_… variables. Plans accepted survive a restart; without a token file, a token is made
    in the state folder at the first start.
    """
    with _one_sentence():
        config = _config(
            name=name,
            admin_host=admin_host,
            admin_port=admin_port,
            state_dir=state_dir,
            plan_token_file=token_file,
            allow_remote="1" if allow_remote else None,
        )
        logging.basicConfig(level=config.log_level, format="%(asctime)s %(levelname)s %(message)s")
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        serve_plans(config, _version(), SystemClock(), _say_ready)


@app.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
def router(flags: Annotated[list[str] | None, typer.Argument(help="Flags of TGI's router.")] = None) -> None:
    """Run `text-generation-router` with TGI's own flags, on shards that run already."""
    raise typer.Exit(router_command(flags or [], _version()))


def text_generation_router() -> None:
    """The program that TGI's launcher starts under this name."""
    sys.exit(router_command(sys.argv[1:], _version()))


@app.command()
def status(
    url: Annotated[str | None, typer.Option(help="Admin port to ask (default: as FREESH_ADMIN_* say).")] = None,
    state_dir: StateDir = None,
    token_file: TokenFile = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the plan in force and those waiting.

    Exit status: 0 the plan is fresh; 1 there is none, or it is stale or expired; 2 bad input, or no answer.
    """
    with _one_sentence():
        config = _config(state_dir=state_dir, plan_token_file=token_file)
        answer = fetch_status(url or _own_url(config), known_token(config))
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer), indent=1).decode() + "\n")
    else:
        show_status(answer, Console())
    raise typer.Exit(0 if answer.state is PlanState.FRESH else 1)


def _config(**options: str | Path | None) -> PluginConfig:
    """Settings of the environment, with the options given on top."""
    given = {f"FREESH_{name.upper()}": str(value) for name, value in options.items() if value is not None}
    env = dict(os.environ)
    if "FREESH_PLAN_TOKEN_FILE" in given:
        env.pop("FREESH_PLAN_TOKEN", None)
    return PluginConfig.from_env(env | given)


def _version() -> str:
    return version("freesh-plugin")


def _own_url(config: PluginConfig) -> str:
    host = f"[{config.admin_host}]" if ":" in config.admin_host else config.admin_host
    return f"http://{host}:{config.admin_port}"


def _say_ready(url: str) -> None:
    sys.stdout.write(f"ready {url}\n")
    sys.stdout.flush()


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Turn our errors into one sentence and exit status 2."""
    try:
        yield
    except FreeshError as error:
        sys.stderr.write(f"freesh: {error}\n")
        raise typer.Exit(2) from error


if __name__ == "__main__":
    app()
