"""The HTTP process: takes users' requests, tokenises them, and writes tokens as the step loop makes them."""

import asyncio
import ipaddress
import logging
import signal
import socket
import sys

import msgspec

from freesh_plugin.adapters import event_loop
from freesh_plugin.adapters.admin_server import bind
from freesh_plugin.adapters.router_log import log_to_stdout
from freesh_plugin.adapters.tgi.engine_link import EngineLink
from freesh_plugin.adapters.tgi.frames import Hello
from freesh_plugin.adapters.tgi.http.front import Front
from freesh_plugin.adapters.tgi.http.openai.template_files import model_templates
from freesh_plugin.adapters.tgi.http.server import Patience, serve_front
from freesh_plugin.adapters.tgi.http.settings import RouterSettings
from freesh_plugin.adapters.tgi.http.surface import front_app, metrics_app
from freesh_plugin.adapters.tgi.http.tokenizer_files import load_tokenizer
from freesh_plugin.core.errors import ConfigError, FreeshError

log = logging.getLogger(__name__)


class FrontSettings(msgspec.Struct, frozen=True):
    """What the HTTP process is told at its start."""

    router: RouterSettings
    stall_s: float
    drain_s: float
    log_level: str
    json_output: bool


def main() -> None:
    """Serve until the step loop's process says to drain, or is gone; the socket's number is the only argument."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the step loop's process gets them, and tells
    end = socket.socket(fileno=int(sys.argv[1]))
    try:
        event_loop.run(_serve(end))
    except FreeshError as error:
        log.error("front_failed reason=%s", error)
        sys.exit(2)


async def _serve(end: socket.socket) -> None:
    stop = asyncio.Event()
    link = EngineLink(on_drain=stop.set)
    settings = _settings(await link.open(end))
    log_to_stdout(settings.log_level, settings.json_output)
    tokenizer = load_tokenizer(settings.router)
    front = Front.over(settings.router, link, tokenizer, model_templates(settings.router))
    with bind(_address(settings.router.hostname), settings.router.port, True, "--hostname") as users:
        watching = asyncio.create_task(_stop_when_lost(link, stop))
        scraped = asyncio.create_task(_serve_metrics(front, stop))
        port = users.getsockname()[1]
        log.info("listening port=%d", port)
        patience = Patience(stall_s=settings.stall_s, drain_s=settings.drain_s)
        await serve_front(front_app(front), [users], stop, lambda: link.say_listening(port), patience)
        await scraped
        watching.cancel()
    link.say_drained()
    tokenizer.close()
    await asyncio.sleep(0)


async def _serve_metrics(front: Front, stop: asyncio.Event) -> None:
    """Metrics on a port of their own; if it is taken, they are on the users' port still."""
    try:
        listening = bind(_address(front.settings.hostname), front.settings.prometheus_port, True, "--hostname")
    except ConfigError as error:
        log.warning("no_prometheus_port: metrics are served on the users' port alone: %s", error)
        return
    with listening:
        await serve_front(metrics_app(front), [listening], stop)


def _address(hostname: str) -> str:
    """The address to listen on; what is none stands for all of them, as in TGI.

    TGI's launcher reads HOSTNAME, which container engines set to the container's name, and passes it on.
    """
    try:
        ipaddress.ip_address(hostname)
    except ValueError:
        if hostname == "localhost":
            return hostname
        log.warning("hostname_is_no_address: %r; listening on all addresses", hostname)
        return "0.0.0.0"
    return hostname


def _settings(hello: Hello) -> FrontSettings:
    return msgspec.msgpack.decode(hello.settings, type=FrontSettings)


async def _stop_when_lost(link: EngineLink, stop: asyncio.Event) -> None:
    await link.lost.wait()
    log.error("step_loop_lost")
    stop.set()


if __name__ == "__main__":
    main()
