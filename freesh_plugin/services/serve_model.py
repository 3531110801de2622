"""`freesh serve MODEL` and `freesh serve --engine simulated`: shards and router of one model on this machine."""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.power_model import ASSUMED
from freesh_plugin.services.children import Children

_ROUTER_END_S = 90.0
_SHARD_END_S = 10.0


@dataclass(frozen=True)
class ServedModel:
    """What to serve, and where.

    Attributes:
        model: Folder or hub name; unused by the simulated engine.
        host, port: Where users are served; port 0 takes a free one.
        ranks: Tensor-parallel ranks.
        flags: More flags for the router.
        settings: FREESH_… variables for shards and router; None = one that they must not inherit.
        speed: The simulated engine's passes are so many times faster than the step model says; 0 = no time at all.
    """

    model: str
    host: str
    port: int
    ranks: int = 1
    flags: Sequence[str] = ()
    settings: Mapping[str, str | None] | None = None
    speed: float = 1.0


def serve_simulated(wanted: ServedModel) -> None:
    """Run simulated shards and a router until SIGINT or SIGTERM.

    Raises:
        ChildError: one of them ended by itself.
    """
    with tempfile.TemporaryDirectory(prefix="freesh-") as made, Children() as children:
        folder, uds_path = Path(made) / "model", Path(made) / "s"
        gpus = Path(made) / "gpu"
        shards = ["simulated-shards", str(uds_path), "--ranks", str(wanted.ranks), "--speed", str(wanted.speed)]
        shards += ["--model-folder", str(folder), "--gpus", str(gpus)]
        children.start("simulated shards", _freesh(*shards), wanted.settings)
        if children.watch(until=lambda: _all_there(uds_path, wanted.ranks)):
            governed = replace(wanted, settings=_simulated_gpus(gpus) | dict(wanted.settings or {}))
            _start_router(children, governed, str(folder), f"{uds_path}-0")
            children.watch()


def serve_tgi(wanted: ServedModel) -> None:
    """Run an installed TGI: its launcher if there is one, else its Python server on this machine's processor.

    Raises:
        ConfigError: no TGI is installed.
        ChildError: a program ended by itself.
    """
    launcher, server = shutil.which("text-generation-launcher"), shutil.which("text-generation-server")
    with tempfile.TemporaryDirectory(prefix="freesh-") as made, Children() as children:
        if launcher:
            _start_launcher(children, wanted, launcher)
        elif server:
            _start_server(children, wanted, server, Path(made) / "s")
        else:
            raise ConfigError(
                "no TGI is installed (neither text-generation-launcher nor text-generation-server is on PATH); "
                "`freesh serve --engine simulated` needs none"
            )
        children.watch()


def _start_launcher(children: Children, wanted: ServedModel, launcher: str) -> None:
    # The launcher starts `text-generation-router` by its bare name: ours must come first.
    own = Path(sys.executable).parent
    env = {"PATH": f"{own}:{os.environ.get('PATH', os.defpath)}", "FREESH_EXACT_IDS": "1", **(wanted.settings or {})}
    command = [launcher, "--model-id", wanted.model, "--hostname", wanted.host, "--port", str(wanted.port)]
    children.start("TGI", [*command, "--num-shard", str(wanted.ranks), *wanted.flags], env, end_s=2 * _ROUTER_END_S)


def _start_server(children: Children, wanted: ServedModel, server: str, uds_path: Path) -> None:
    for rank in range(wanted.ranks):
        env = _shard_env(rank, wanted.ranks) | {"FREESH_EXACT_IDS": "1", **(wanted.settings or {})}
        command = [
            server,
            "serve",
            wanted.model,
            "--uds-path",
            str(uds_path),
            "--logger-level",
            "INFO",
            "--json-output",
        ]
        sharded = ["--sharded"] if wanted.ranks > 1 else []
        children.start(f"shard {rank}", [*command, *sharded], env, end_s=_SHARD_END_S)
    if children.watch(until=lambda: _all_there(uds_path, wanted.ranks)):
        _start_router(children, wanted, wanted.model, f"{uds_path}-0")


def _start_router(children: Children, wanted: ServedModel, tokenizer: str, master_socket: str) -> None:
    flags = ["--hostname", wanted.host, "--port", str(wanted.port), "--prometheus-port", "0"]
    flags += ["--tokenizer-name", tokenizer, "--master-shard-uds-path", master_socket, *wanted.flags]
    env = {"MODEL_ID": wanted.model, **(wanted.settings or {})}
    children.start("router", _freesh("router", *flags), env, end_s=_ROUTER_END_S)


def _simulated_gpus(gpus: Path) -> dict[str, str]:
    """Settings by which simulated GPUs are read and governed, where the environment does not say otherwise."""
    own = {"FREESH_GPU": "simulated", "FREESH_GOVERNOR": "miad", "FREESH_CLOCK_FLOOR_MHZ": f"{ASSUMED.knee_mhz:.0f}"}
    return {"FREESH_SIMULATED_GPUS": str(gpus)} | {key: os.environ.get(key, value) for key, value in own.items()}


def _freesh(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "freesh_plugin.main", *arguments]


def _all_there(uds_path: Path, ranks: int) -> bool:
    return all(Path(f"{uds_path}-{rank}").exists() for rank in range(ranks))


def _shard_env(rank: int, ranks: int) -> dict[str, str]:
    """What TGI's launcher tells a shard; padded or paged attention, as suits a processor."""
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(ranks),
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": os.environ.get("MASTER_PORT", "29500"),
        "ATTENTION": os.environ.get("ATTENTION", "paged"),
        "PREFIX_CACHING": os.environ.get("PREFIX_CACHING", "0"),
    }
