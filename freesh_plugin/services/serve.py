"""`freesh serve` without a model: the plan API on its admin port, until a signal ends it."""

import asyncio
import signal
from collections.abc import Callable

from freesh_plugin.config import PluginConfig
from freesh_plugin.ports import Clock
from freesh_plugin.services.plan_side import served_plans


def serve(config: PluginConfig, version: str, clock: Clock, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` gets the URL once it is answered.

    Raises:
        ConfigError: a setting does not allow it to start.
    """
    asyncio.run(_run(config, version, clock, on_ready))


async def _run(config: PluginConfig, version: str, clock: Clock, on_ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with served_plans(config, version, clock) as url:
        on_ready(url)
        await stop.wait()
