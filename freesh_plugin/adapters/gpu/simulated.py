"""Simulated GPUs: what NVML would say of them, and their clocks to set; power and clock are modelled, not measured."""

from collections.abc import Iterable
from itertools import count, takewhile
from pathlib import Path

from freesh_plugin.adapters.gpu.simulated_board import BoardHeldError, SimulatedBoard
from freesh_plugin.core.gpu import ClockReason, GpuError, GpuFailure, GpuReading

_LOWEST_MHZ = 210
_CLOCK_STEP_MHZ = 15


def board_path(boards: Path, rank: int) -> Path:
    """Where the board of a rank's GPU is."""
    return boards.with_name(f"{boards.name}-{rank}")


class SimulatedGpu:
    """Implements `GpuDevice` on a board."""

    def __init__(self, board: SimulatedBoard, rank: int) -> None:
        """The GPU of this rank."""
        self.board = board
        self._uuid = f"GPU-simulated-{rank}"

    @property
    def uuid(self) -> str:
        """Its name for life."""
        return self._uuid

    @property
    def name(self) -> str:
        """Its product's name."""
        return f"simulated GPU ({self.board.model.source})"

    def supported_clocks_mhz(self) -> tuple[int, ...]:
        """Clocks in steps of 15 MHz, ascending."""
        return tuple(range(_LOWEST_MHZ, int(self.board.model.top_clock_mhz) + 1, _CLOCK_STEP_MHZ))

    def read(self, now_s: float) -> GpuReading:
        """Look at it."""
        look = self.board.look()
        reasons = ClockReason.IDLE if look.idle else ClockReason(0)
        if look.capped:
            reasons |= ClockReason.POWER_CAP
        return GpuReading(now_s, look.power_w, look.energy_j, round(look.sm_clock_mhz), reasons)


class SimulatedClocks:
    """Implements `ClockSetter`; what was set ends with this process, or with `close`."""

    def __init__(self, gpus: Iterable[SimulatedGpu]) -> None:
        """The clocks of these GPUs."""
        self._gpus = {gpu.uuid: gpu for gpu in gpus}

    def limit_sm_clock_mhz(self, uuids: tuple[str, ...], sm_clock_mhz: int) -> None:
        """Hold the clocks of these at or below a supported clock.

        Raises:
            GpuError: there is none of that name, it has no such clock, or another process sets the clock of one.
        """
        chosen = [self._gpu(uuid) for uuid in uuids]
        for gpu in chosen:
            if sm_clock_mhz not in gpu.supported_clocks_mhz():
                raise GpuError(gpu.uuid, GpuFailure.OTHER, f"{sm_clock_mhz} MHz is not among its clocks")
        self._own(chosen)
        for gpu in chosen:
            gpu.board.limit(sm_clock_mhz)

    def release(self, uuids: tuple[str, ...]) -> None:
        """Let the clocks of these go as high as they can.

        Raises:
            GpuError: there is none of that name.
        """
        for gpu in [self._gpu(uuid) for uuid in uuids]:
            gpu.board.disown()

    def _own(self, chosen: Iterable[SimulatedGpu]) -> None:
        """Own all of them, or none more than before."""
        new: list[SimulatedGpu] = []
        for gpu in chosen:
            new += [] if gpu.board.holding else [gpu]
            try:
                gpu.board.own()
            except BoardHeldError as error:
                for each in new:
                    each.board.disown()
                raise GpuError(gpu.uuid, GpuFailure.HELD, str(error)) from error

    def _gpu(self, uuid: str) -> SimulatedGpu:
        if uuid not in self._gpus:
            raise GpuError(uuid, GpuFailure.LOST, "there is no such simulated GPU")
        return self._gpus[uuid]


def simulated_gpus(boards: Path) -> list[SimulatedGpu]:
    """The GPUs whose boards the simulated shards have put there, one a rank."""
    paths = takewhile(Path.exists, (board_path(boards, rank) for rank in count()))
    return [SimulatedGpu(SimulatedBoard(path), rank) for rank, path in enumerate(paths)]
