"""`freesh serve`: the plan API on its admin port, until a signal ends it."""

import asyncio
import socket
from collections.abc import Callable

from freesh_plugin.adapters.admin_server import AdminServer, bind, url_of
from freesh_plugin.adapters.plan_api import plan_api
from freesh_plugin.adapters.plan_store import FilePlanStore
from freesh_plugin.adapters.plan_token import is_own_making, known_or_made_token
from freesh_plugin.adapters.state_dir import own_state_dir
from freesh_plugin.config import PluginConfig
from freesh_plugin.core.errors import ConfigError
from freesh_plugin.ports import Clock
from freesh_plugin.runtime.plan_keeper import PlanKeeper
from freesh_plugin.services.plan_desk import StoringPlanDesk

_WATCH_S = 1.0


def serve(config: PluginConfig, version: str, clock: Clock, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` gets the URL once it is answered.

    Raises:
        ConfigError: a setting does not allow it to start.
    """
    if config.allow_remote and is_own_making(config):
        raise ConfigError("--allow-remote needs a token of your own: set FREESH_PLAN_TOKEN_FILE or --token-file")
    with own_state_dir(config.state_dir) as plans:
        token = known_or_made_token(config)
        desk = StoringPlanDesk(config.name, version, clock, FilePlanStore(plans), PlanKeeper(config.max_plan_lead_s))
        with bind(config.admin_host, config.admin_port, config.allow_remote) as listening:
            server = AdminServer(plan_api(desk, token), lambda: on_ready(url_of(listening)))
            asyncio.run(_run(server, listening, desk))


async def _run(server: AdminServer, listening: socket.socket, desk: StoringPlanDesk) -> None:
    watch = asyncio.create_task(_watch(desk))
    try:
        await server.serve(sockets=[listening])
    finally:
        watch.cancel()


async def _watch(desk: StoringPlanDesk) -> None:
    while True:
        desk.note_changes()
        await asyncio.sleep(_WATCH_S)
