"""`freesh simulated-shards`: shards of a simulated model until SIGINT or SIGTERM."""

import asyncio
import signal
from pathlib import Path

from freesh_plugin.adapters.gpu.simulated import board_path
from freesh_plugin.adapters.gpu.simulated_board import SimulatedBoard
from freesh_plugin.adapters.tgi.simulated.model import SimulatedModel
from freesh_plugin.adapters.tgi.simulated.server import simulated_shards
from freesh_plugin.adapters.tgi.simulated.vocabulary import write_model_folder
from freesh_plugin.core.step_model import ASSUMED


def run_simulated_shards(
    uds_path: Path, ranks: int, speed: float, padded: bool, model_folder: Path | None, gpus: Path | None = None
) -> None:
    """Write the model's folder if one is named, then serve all ranks; a speed of 0 means passes that take no time.

    `gpus` is where the boards of simulated GPUs are put, one a rank.
    """
    model = SimulatedModel(padded=padded, step_model=ASSUMED if speed else None, speed=speed or 1.0)
    if model_folder is not None:
        write_model_folder(model_folder, model.max_total_tokens)
    boards = [SimulatedBoard(board_path(gpus, rank)) for rank in range(ranks)] if gpus is not None else []
    asyncio.run(_serve(model, uds_path, ranks, boards))


async def _serve(model: SimulatedModel, uds_path: Path, ranks: int, boards: list[SimulatedBoard]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with simulated_shards(model, uds_path, ranks, boards):
        await stop.wait()
