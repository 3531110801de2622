"""What `text-generation-router` and `freesh router` do with their command line and environment."""

import logging
import os
import sys
from collections.abc import Sequence

from freesh_plugin.adapters.clock import SystemClock
from freesh_plugin.adapters.router_log import all_output_to_stdout, log_to_stdout
from freesh_plugin.adapters.tgi.router_args import RouterArgs
from freesh_plugin.config import PluginConfig
from freesh_plugin.core.errors import FreeshError
from freesh_plugin.services.router import run_router

log = logging.getLogger(__name__)


def router_command(argv: Sequence[str], version: str) -> int:
    """Run the router until a signal; returns the exit status: 2 when it could not start or was lost."""
    all_output_to_stdout()
    log_to_stdout("INFO", "--json-output" in argv)
    try:
        args = RouterArgs.parse(argv, os.environ)
        config = PluginConfig.from_env(os.environ)
        log_to_stdout(config.log_level, args.json_output)
        run_router(args, config, version, SystemClock(), lambda port, plan_url: _say_ready(args, port, plan_url))
    except FreeshError as error:
        log.error("router_ended reason=%s", error)
        return 2
    return 0


def _say_ready(args: RouterArgs, port: int, plan_url: str | None) -> None:
    """For people and for programs that wait: where requests are served, and where plans are taken."""
    if args.json_output:
        log.info("ready port=%d plan_api=%s", port, plan_url)
        return
    sys.stdout.write(f"serving http://{args.hostname}:{port}\nready {plan_url or 'without a plan API'}\n")
    sys.stdout.flush()
