"""The plan API beside the step loop: whatever goes wrong with it, requests are served on."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from freesh_plugin.adapters.admin_server import AdminServer, bind, url_of
from freesh_plugin.adapters.plan_api import plan_api
from freesh_plugin.adapters.plan_store import FilePlanStore
from freesh_plugin.adapters.plan_token import is_own_making, known_or_made_token
from freesh_plugin.adapters.state_dir import own_state_dir
from freesh_plugin.config import PluginConfig
from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.plan import Plan
from freesh_plugin.ports import Clock
from freesh_plugin.runtime.plan_keeper import PlanKeeper
from freesh_plugin.services.plan_desk import StoringPlanDesk

log = logging.getLogger(__name__)

_WATCH_S = 1.0


@asynccontextmanager
async def plan_side(
    config: PluginConfig, version: str, clock: Clock, on_plan: Callable[[Plan], None]
) -> AsyncIterator[str | None]:
    """Serve the plan API while the block lasts; yields its URL, or None when it cannot be served.

    `on_plan` is called with each plan that comes into force.
    """
    async with AsyncExitStack() as stack:
        url = None
        try:
            url = await stack.enter_async_context(served_plans(config, version, clock, on_plan))
        except ConfigError as error:
            log.error("no_plan_api: requests are served without plans: %s", error)
        yield url


@asynccontextmanager
async def served_plans(
    config: PluginConfig, version: str, clock: Clock, on_plan: Callable[[Plan], None] = lambda plan: None
) -> AsyncIterator[str]:
    """Serve the plan API while the block lasts; yields its URL.

    Raises:
        ConfigError: a setting does not allow it.
    """
    if config.allow_remote and is_own_making(config):
        raise ConfigError("--allow-remote needs a token of your own: set FREESH_PLAN_TOKEN_FILE or --token-file")
    with own_state_dir(config.state_dir) as plans:
        token = known_or_made_token(config)
        desk = StoringPlanDesk(config.name, version, clock, FilePlanStore(plans), PlanKeeper(config.max_plan_lead_s))
        with bind(config.admin_host, config.admin_port, config.allow_remote) as listening:
            ready = asyncio.Event()
            server = AdminServer(plan_api(desk, token), ready.set)
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            watching = asyncio.create_task(_watch(desk, on_plan))
            try:
                await asyncio.wait((serving, asyncio.create_task(ready.wait())), return_when=asyncio.FIRST_COMPLETED)
                yield url_of(listening)
            finally:
                watching.cancel()
                server.should_exit = True
                await serving


async def _watch(desk: StoringPlanDesk, on_plan: Callable[[Plan], None]) -> None:
    digest = None
    while True:
        try:
            desk.note_changes()
            document = desk.in_force()
            if document is not None and document.plan.digest != digest:
                digest = document.plan.digest
                on_plan(document.plan)
        except Exception:  # the plan before stays in force, and the next one is looked at all the same
            log.exception("plan_not_taken_up")
        await asyncio.sleep(_WATCH_S)
