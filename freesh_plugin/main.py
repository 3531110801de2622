"""The `freesh` command line; it wires and starts, nothing else."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
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
from freesh_plugin.core.errors import ConfigError, FreeshError
from freesh_plugin.core.plan_status import PlanState
from freesh_plugin.services.gpu_commands import gpu_app, gpu_helper
from freesh_plugin.services.serve import serve as serve_plans

os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # read once, when grpc is imported: it tells of every lost peer

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="FREESH beside the GPUs.")
app.add_typer(gpu_app, name="gpu")
app.command()(gpu_helper)

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


class ServedEngine(StrEnum):
    """What computes answers."""

    TGI = "tgi"
    SIMULATED = "simulated"


@app.command()
def serve(
    model: Annotated[
        str | None, typer.Argument(help="Model to serve by an installed TGI: a folder, or its name on the hub.")
    ] = None,
    engine: Annotated[
        ServedEngine | None, typer.Option(help="What computes answers; `simulated` needs neither GPU nor TGI.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address on which users are served.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the users; 0 = any free one.")] = 3000,
    ranks: Annotated[int, typer.Option(min=1, help="Tensor-parallel ranks.")] = 1,
    speed: Annotated[
        float, typer.Option(min=0, help="Simulated engine: times faster than its model; 0 = takes no time.")
    ] = 1.0,
    router_flag: Annotated[
        list[str] | None, typer.Option(help="More for the router, such as --router-flag=--max-concurrent-requests=512.")
    ] = None,
    governor: Annotated[
        str | None,
        typer.Option(
            help="How the SM clock is governed: observe, miad, hysteresis or static (FREESH_GOVERNOR; default observe, "
            "and miad on the simulated engine)."
        ),
    ] = None,
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
    """Serve a model and the plan API, or the plan API alone, until SIGINT or SIGTERM.

    With MODEL, a TGI that is installed here serves it; with --engine simulated, a simulated one, with the step times of
    a modelled GPU, does. Options come before FREESH_… variables. Plans accepted survive a restart; without a token
    file, a token is made in the state folder at the first start.
    """
    with _one_sentence():
        options: dict[str, str | Path | None] = {
            "governor": governor,
            "name": name,
            "admin_host": admin_host,
            "admin_port": admin_port,
            "state_dir": state_dir,
            "plan_token_file": token_file,
            "allow_remote": "1" if allow_remote else None,
        }
        config = _config(**options)
        logging.basicConfig(level=config.log_level, format="%(asctime)s %(levelname)s %(message)s")
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        simulated = engine is ServedEngine.SIMULATED
        if model is None and not simulated:
            if engine is not None:
                raise ConfigError("--engine tgi needs a MODEL")
            serve_plans(config, _version(), SystemClock(), _say_ready)
            return
        with _tgi_extra():
            from freesh_plugin.services.serve_model import ServedModel, serve_simulated, serve_tgi
        settings: dict[str, str | None] = {**_as_variables(options)}
        if token_file is not None:
            settings["FREESH_PLAN_TOKEN"] = None  # the option comes before the variable
        wanted = ServedModel(model or "simulated", host, port, ranks, router_flag or (), settings, speed)
        (serve_simulated if simulated else serve_tgi)(wanted)


@app.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
def router(flags: Annotated[list[str] | None, typer.Argument(help="Flags of TGI's router.")] = None) -> None:
    """Run `text-generation-router` with TGI's own flags, on shards that run already."""
    with _one_sentence(), _tgi_extra():
        from freesh_plugin.services.router_command import router_command
    raise typer.Exit(router_command(flags or [], _version()))


@app.command(hidden=True)
def simulated_shards(
    uds_path: Annotated[Path, typer.Argument(help="Sockets are this path with `-0`, `-1`, … behind it.")],
    ranks: Annotated[int, typer.Option(min=1)] = 1,
    speed: Annotated[float, typer.Option(min=0)] = 1.0,
    padded: Annotated[bool, typer.Option("--padded")] = False,
    model_folder: Annotated[Path | None, typer.Option(help="Where to write tokenizer and configuration.")] = None,
    gpus: Annotated[
        Path | None, typer.Option(help="Simulated GPUs: files with `-0`, `-1`, … behind this path.")
    ] = None,
) -> None:
    """Run the shards of a simulated model until SIGINT or SIGTERM."""
    with _one_sentence():
        with _tgi_extra():
            from freesh_plugin.services.simulated_shards import run_simulated_shards
        run_simulated_shards(uds_path, ranks, speed, padded, model_folder, gpus)


def text_generation_router() -> None:
    """The program that TGI's launcher starts under this name."""
    from freesh_plugin.services.router_command import router_command

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
    given = _as_variables(options)
    env = dict(os.environ)
    if "FREESH_PLAN_TOKEN_FILE" in given:
        env.pop("FREESH_PLAN_TOKEN", None)
    return PluginConfig.from_env(env | given)


def _as_variables(options: Mapping[str, str | Path | None]) -> dict[str, str]:
    return {f"FREESH_{name.upper()}": str(value) for name, value in options.items() if value is not None}


@contextmanager
def _tgi_extra() -> Iterator[None]:
    """Say which extra is missing, when one is."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").startswith("freesh_plugin"):
            raise
        raise ConfigError(
            f"{error.name} is not installed: serving a model needs `pip install 'freesh-plugin[tgi]'`"
        ) from error


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
