"""The simulated GPU: energy is integrated power, clocks are set for all or none, and end with who set them."""

import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from freesh_plugin.adapters.gpu.simulated import SimulatedClocks, board_path, simulated_gpus
from freesh_plugin.adapters.gpu.simulated_board import SimulatedBoard
from freesh_plugin.core.gpu import ClockReason, GpuError, GpuFailure
from freesh_plugin.core.power_model import ASSUMED, IDLE, Shares, power_w

BUSY = Shares(0.4, 0.9)


def test_energy_is_power_over_time_whatever_changes_between_two_looks(tmp_path: Path) -> None:
    shard, reader = SimulatedBoard(tmp_path / "gpu"), SimulatedBoard(tmp_path / "gpu")
    began_s, began_j = time.monotonic(), reader.look().energy_j
    shard.run(BUSY)
    time.sleep(0.05)
    reader.limit(1110)
    time.sleep(0.05)
    shard.run(IDLE)
    look = reader.look()
    took_s = time.monotonic() - began_s
    at_most_w, at_least_w = power_w(ASSUMED, 1980, BUSY), power_w(ASSUMED, 1110, BUSY)
    assert 0.05 * (at_most_w + at_least_w) <= look.energy_j - began_j <= took_s * at_most_w
    assert (look.idle, look.capped, look.sm_clock_mhz) == (True, False, 1110)


def test_its_counter_never_falls_and_power_follows_clock_and_load(tmp_path: Path) -> None:
    board = SimulatedBoard(tmp_path / "gpu")
    looks = [board.look() for _ in range(50)]
    assert all(earlier.energy_j <= later.energy_j for earlier, later in pairwise(looks))
    idle_w = board.look().power_w
    board.run(BUSY)
    busy_w = board.look().power_w
    board.limit(810)
    assert idle_w < board.look().power_w < busy_w
    board.run(Shares(1.0, 0.5))
    board.disown()
    assert (board.look().capped, board.look().power_w) == (True, ASSUMED.cap_w)


def test_what_it_says_of_itself(tmp_path: Path) -> None:
    for rank in range(2):
        SimulatedBoard(board_path(tmp_path / "gpu", rank)).run(BUSY if rank else IDLE)
    first, second = simulated_gpus(tmp_path / "gpu")
    assert (first.uuid, second.uuid) == ("GPU-simulated-0", "GPU-simulated-1")
    clocks = first.supported_clocks_mhz()
    assert (clocks[0], clocks[-1], len(clocks)) == (210, 1980, 119)
    reading = first.read(5.0)
    assert (reading.at_s, reading.sm_clock_mhz, reading.reasons) == (5.0, 1980, ClockReason.IDLE)
    assert second.read(5.0).reasons == 0
    assert "assumed" in first.name


def test_clocks_are_set_for_all_or_none(tmp_path: Path) -> None:
    for rank in range(2):
        SimulatedBoard(board_path(tmp_path / "gpu", rank))
    gpus = simulated_gpus(tmp_path / "gpu")
    clocks, uuids = SimulatedClocks(gpus), tuple(gpu.uuid for gpu in gpus)
    clocks.limit_sm_clock_mhz(uuids, 1110)
    for bad_uuids, mhz in (((uuids[0], "GPU-of-another"), 990), (uuids, 1111)):
        with pytest.raises(GpuError) as caught:
            clocks.limit_sm_clock_mhz(bad_uuids, mhz)
        assert caught.value.failure in (GpuFailure.LOST, GpuFailure.OTHER)
    assert [gpu.board.clock_mhz() for gpu in gpus] == [1110, 1110]
    clocks.release(uuids)
    assert [gpu.board.clock_mhz() for gpu in gpus] == [1980, 1980]


def test_a_second_owner_is_refused_at_once_and_told_who_the_first_is(tmp_path: Path) -> None:
    for rank in range(2):
        SimulatedBoard(board_path(tmp_path / "gpu", rank))
    gpus, other = simulated_gpus(tmp_path / "gpu"), SimulatedBoard(board_path(tmp_path / "gpu", 1))
    other.limit(810)
    clocks, uuids = SimulatedClocks(gpus), tuple(gpu.uuid for gpu in gpus)
    with pytest.raises(GpuError, match=f"held by process {os.getpid()}") as caught:
        clocks.limit_sm_clock_mhz(uuids, 1110)
    assert (caught.value.uuid, caught.value.failure) == ("GPU-simulated-1", GpuFailure.HELD)
    assert [gpu.board.clock_mhz() for gpu in gpus] == [1980, 810]
    clocks.release(uuids)
    assert gpus[1].board.clock_mhz() == 810
    SimulatedBoard(board_path(tmp_path / "gpu", 0)).limit(990)  # what was owned on the way was given up again
    other.disown()
    clocks.limit_sm_clock_mhz(uuids[1:], 1110)
    assert [gpu.board.clock_mhz() for gpu in gpus] == [990, 1110]


def test_what_a_dead_owner_set_does_not_come_back_with_the_next(tmp_path: Path) -> None:
    first, second = SimulatedBoard(tmp_path / "gpu"), SimulatedBoard(tmp_path / "gpu")
    first.limit(810)
    first.close()
    second.own()
    assert second.clock_mhz() == 1980


def test_a_clock_ends_with_the_process_that_set_it(tmp_path: Path) -> None:
    board = SimulatedBoard(tmp_path / "gpu")
    code = (
        "import sys, time, pathlib; from freesh_plugin.adapters.gpu.simulated_board import SimulatedBoard;"
        "SimulatedBoard(pathlib.Path(sys.argv[1])).limit(810); print('set', flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "gpu")], stdout=subprocess.PIPE)
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"set\n"
        assert board.clock_mhz() == 810
    finally:
        owner.kill()
        owner.communicate()
    assert board.clock_mhz() == 1980
