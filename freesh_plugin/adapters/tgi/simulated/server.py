"""Simulated shards behind Unix sockets: all ranks of one model in one process."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from grpc import aio

from freesh_plugin.adapters.gpu.simulated_board import SimulatedBoard
from freesh_plugin.adapters.tgi.exact_ids import ExactIdsError, decode
from freesh_plugin.adapters.tgi.exact_ids_file import published_secret
from freesh_plugin.adapters.tgi.simulated.engine import Engine
from freesh_plugin.adapters.tgi.simulated.model import SimulatedModel
from freesh_plugin.adapters.tgi.simulated.refusal import Refusal
from freesh_plugin.adapters.tgi.simulated.service import ShardService

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
)


def rank_socket(uds_path: str | Path, rank: int) -> Path:
    """Socket of a rank, as TGI names it."""
    return Path(f"{uds_path}-{rank}")


@asynccontextmanager
async def simulated_shards(
    model: SimulatedModel, uds_path: str | Path, ranks: int = 1, boards: Sequence[SimulatedBoard] = ()
) -> AsyncIterator[list[Engine]]:
    """Serve all ranks for as long as the block lasts; gives the ranks' engines, to look into.

    `boards` are those of the ranks' GPUs; without them all run at the step model's top clock.
    """
    urls = [f"unix://{rank_socket(uds_path, rank)}" for rank in range(ranks)]
    engines: list[Engine] = []
    servers: list[aio.Server] = []
    with ExitStack() as published:
        for rank in range(ranks):
            engine = Engine(model, rank, ranks, _reader(model, rank_socket(uds_path, rank), published))
            service = ShardService(engine, urls, boards[rank] if boards else None)
            servers.append(await _listening(service, rank_socket(uds_path, rank)))
            engines.append(engine)
        try:
            yield engines
        finally:
            for server in servers:
                await server.stop(0)
            for rank in range(ranks):
                rank_socket(uds_path, rank).unlink(missing_ok=True)


async def _listening(service: ShardService, socket_path: Path) -> aio.Server:
    socket_path.unlink(missing_ok=True)
    server = aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers([service.handler()])
    server.add_insecure_port(f"unix:{socket_path}")
    await server.start()
    return server


def _reader(model: SimulatedModel, socket_path: Path, published: ExitStack) -> partial[list[int] | None] | None:
    """What reads exact ids; their secret is published beside the socket, before there is one."""
    if not model.exact_ids:
        return None
    secret = secrets.token_urlsafe(32)
    published.enter_context(published_secret(socket_path, secret))
    return partial(_exact_ids, secret=secret)


def _exact_ids(text: str, secret: str) -> list[int] | None:
    try:
        return decode(text, secret)
    except ExactIdsError as error:
        raise Refusal(str(error)) from error
