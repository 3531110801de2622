"""Who holds which clock: groups are set wholly or not at all, and everything that may be locked has a lease."""

from pathlib import Path

import pytest

from freesh_plugin.adapters.gpu.helper_frames import Limit
from freesh_plugin.adapters.gpu.leases import LeaseFolder, LeaseParty
from freesh_plugin.adapters.gpu.nvml_clocks import CallDeadlines, NvmlClocks
from freesh_plugin.core.gpu import GpuError, GpuFailure
from freesh_plugin.services.gpu_holdings import Holdings, Owner
from tests.fakes.nvml.controller import MIG_ON, UNKNOWN, FakeDriver
from tests.fakes.router_process import wait_until

SET, RESET = "nvmlDeviceSetGpuLockedClocks", "nvmlDeviceResetGpuLockedClocks"


@pytest.fixture
def leases(tmp_path: Path) -> LeaseFolder:
    folder = LeaseFolder(tmp_path / "run")
    folder.make()
    return folder


@pytest.fixture
def holdings(fake_driver: FakeDriver, leases: LeaseFolder) -> Holdings:
    return Holdings(NvmlClocks(), leases)


def owner(pid: int = 1) -> Owner:
    return Owner(LeaseParty(pid, 1))


def test_a_ceiling_lets_an_idle_gpu_sink_and_a_pin_does_not(fake_driver: FakeDriver, holdings: Holdings) -> None:
    ours = owner()
    holdings.limit(ours, Limit(fake_driver.uuids, 1110))
    assert fake_driver.locks() == [(210, 1110), (210, 1110)]
    holdings.limit(ours, Limit(fake_driver.uuids, 1110, pin=True))
    assert fake_driver.locks() == [(1110, 1110), (1110, 1110)]
    holdings.release(ours, fake_driver.uuids)
    assert fake_driver.locks() == [None, None]


def test_a_clock_that_is_told_again_is_set_again(fake_driver: FakeDriver, holdings: Holdings) -> None:
    """A reset of the GPU, or another program, may have undone it."""
    ours = owner()
    holdings.limit(ours, Limit(fake_driver.uuids, 1110))
    for gpu in fake_driver.gpus:
        gpu.lock_min_mhz = gpu.lock_max_mhz = 0
    holdings.limit(ours, Limit(fake_driver.uuids, 1110))
    assert fake_driver.locks() == [(210, 1110), (210, 1110)]
    for _ in range(2):
        holdings.release(ours, fake_driver.uuids)
    assert [gpu.resets for gpu in fake_driver.gpus] == [1, 1]


@pytest.mark.parametrize("sm_clock_mhz", [1111, 100, 3000])
def test_a_clock_that_is_not_supported(fake_driver: FakeDriver, holdings: Holdings, sm_clock_mhz: int) -> None:
    with pytest.raises(GpuError, match=f"{sm_clock_mhz} MHz is not supported, limits 210 to 1980 MHz"):
        holdings.limit(owner(), Limit(fake_driver.uuids, sm_clock_mhz))
    assert fake_driver.locks() == [None, None]


def test_a_partitioned_gpu_is_refused_unless_all_of_it_is_ours(fake_driver: FakeDriver, leases: LeaseFolder) -> None:
    fake_driver.gpus[1].mig = MIG_ON
    with pytest.raises(GpuError, match="tenant") as caught:
        Holdings(NvmlClocks(), leases).limit(owner(), Limit(fake_driver.uuids, 1110))
    assert caught.value.failure is GpuFailure.NOT_SUPPORTED
    assert fake_driver.locks() == [None, None]
    Holdings(NvmlClocks(), leases, sole_tenant=True).limit(owner(), Limit(fake_driver.uuids, 1110))
    assert fake_driver.locks() == [(210, 1110), (210, 1110)]


def test_without_permission_nothing_is_left_behind(
    fake_driver: FakeDriver, holdings: Holdings, leases: LeaseFolder
) -> None:
    fake_driver.state.root = 0
    with pytest.raises(GpuError) as caught:
        holdings.limit(owner(), Limit(fake_driver.uuids, 1110))
    assert caught.value.failure is GpuFailure.NO_PERMISSION
    assert not holdings.unfinished
    assert leases.uuids() == []


def test_a_permission_that_is_lost_keeps_the_lease_of_what_is_locked(
    fake_driver: FakeDriver, holdings: Holdings, leases: LeaseFolder
) -> None:
    ours = owner()
    holdings.limit(ours, Limit(fake_driver.uuids, 1110))
    fake_driver.state.root = 0
    for _ in range(3):
        with pytest.raises(GpuError, match="not as before"):
            holdings.limit(ours, Limit(fake_driver.uuids, 1605))
    assert (fake_driver.locks(), leases.uuids()) == ([(210, 1110), (210, 1110)], list(fake_driver.uuids))
    holdings.release_all(ours)
    fake_driver.state.root = 1
    holdings.finish()
    assert (fake_driver.locks(), leases.uuids()) == ([None, None], [])


def test_without_permission_what_a_dead_helper_left_is_left_to_others(
    fake_driver: FakeDriver, holdings: Holdings, leases: LeaseFolder
) -> None:
    for uuid in fake_driver.uuids:
        leases.take(uuid, LeaseParty(5, 5)).abandon()
    fake_driver.state.root = 0
    with pytest.raises(GpuError) as caught:
        holdings.limit(owner(), Limit(fake_driver.uuids, 1605))
    assert caught.value.failure is GpuFailure.NO_PERMISSION
    holdings.adopt_left()
    holdings.finish()
    assert not holdings.unfinished
    assert [leases.held(uuid) for uuid in fake_driver.uuids] == [False, False]
    fake_driver.state.root = 1
    holdings.adopt_left()
    holdings.finish()
    assert leases.uuids() == []


def test_a_removed_lease_is_made_anew_and_one_that_another_took_is_his(
    fake_driver: FakeDriver, holdings: Holdings, leases: LeaseFolder
) -> None:
    ours = owner()
    holdings.limit(ours, Limit(fake_driver.uuids, 1110))
    for uuid in fake_driver.uuids:
        (leases.path / f"{uuid}.json").unlink()
    holdings.limit(ours, Limit(fake_driver.uuids[:1], 1605))
    theirs = leases.take(fake_driver.uuids[1], LeaseParty(77, 1))
    with pytest.raises(GpuError, match="on behalf of process 77") as caught:
        holdings.limit(ours, Limit(fake_driver.uuids[1:], 1605))
    assert caught.value.failure is GpuFailure.HELD
    holdings.release_all(ours)
    assert fake_driver.locks() == [None, (210, 1110)]
    assert (leases.uuids(), theirs.is_there) == ([fake_driver.uuids[1]], True)
    theirs.end()


def test_one_owner_at_a_time(fake_driver: FakeDriver, holdings: Holdings) -> None:
    first, second = owner(11), owner(11)
    holdings.limit(first, Limit(fake_driver.uuids[:1], 1110))
    with pytest.raises(GpuError, match="held for process 11"):
        holdings.limit(second, Limit(fake_driver.uuids, 1605))
    holdings.release(second, fake_driver.uuids)
    holdings.release_all(second)
    assert fake_driver.locks() == [(210, 1110), None]
    holdings.release_all(first)
    holdings.limit(second, Limit(fake_driver.uuids, 1605))
    assert fake_driver.locks() == [(210, 1605), (210, 1605)]


def test_what_another_helper_holds_is_refused_before_anything_is_set(
    fake_driver: FakeDriver, holdings: Holdings, leases: LeaseFolder
) -> None:
    theirs = leases.take(fake_driver.uuids[1], LeaseParty(77, 1))
    with pytest.raises(GpuError, match="on behalf of process 77"):
        holdings.limit(owner(), Limit(fake_driver.uuids, 1110))
    assert fake_driver.locks() == [None, None]
    assert leases.uuids() == [fake_driver.uuids[1]]
    theirs.end()


def test_a_group_goes_back_to_where_it_was(fake_driver: FakeDriver, holdings: Holdings) -> None:
    ours = owner()
    holdings.limit(ours, Limit(fake_driver.uuids, 1605))
    fake_driver.fail(SET, UNKNOWN, gpu=1, times=1)
    with pytest.raises(GpuError) as caught:
        holdings.limit(ours, Limit(fake_driver.uuids, 1110))
    assert (caught.value.uuid, caught.value.failure) == (fake_driver.uuids[1], GpuFailure.OTHER)
    assert fake_driver.locks() == [(210, 1605), (210, 1605)]


def test_what_cannot_be_set_back_is_said_and_set_next_time(fake_driver: FakeDriver, holdings: Holdings) -> None:
    ours = owner()
    holdings.limit(ours, Limit(fake_driver.uuids, 1605))
    fake_driver.fail(SET, UNKNOWN, gpu=1)
    with pytest.raises(GpuError, match=f"not as before: {fake_driver.uuids[1]}"):
        holdings.limit(ours, Limit(fake_driver.uuids, 1110))
    fake_driver.heal()
    holdings.limit(ours, Limit(fake_driver.uuids, 1605))
    assert fake_driver.locks() == [(210, 1605), (210, 1605)]


def test_what_cannot_be_freed_is_tried_again(fake_driver: FakeDriver, holdings: Holdings, leases: LeaseFolder) -> None:
    ours = owner()
    holdings.limit(ours, Limit(fake_driver.uuids, 1110))
    fake_driver.fail(RESET, UNKNOWN, gpu=0, times=2)
    with pytest.raises(GpuError, match=fake_driver.uuids[0]):
        holdings.release(ours, fake_driver.uuids)
    assert leases.uuids() == [fake_driver.uuids[0]]
    holdings.finish()
    assert holdings.unfinished
    holdings.finish()
    assert holdings.retry_s is None
    assert (fake_driver.locks(), leases.uuids()) == ([None, None], [])


def test_a_lost_gpu_keeps_its_lease(fake_driver: FakeDriver, holdings: Holdings, leases: LeaseFolder) -> None:
    ours = owner()
    holdings.limit(ours, Limit(fake_driver.uuids, 1110))
    fake_driver.gpus[0].lost = 1
    with pytest.raises(GpuError) as caught:
        holdings.limit(ours, Limit(fake_driver.uuids, 1605))
    assert caught.value.failure is GpuFailure.LOST
    holdings.release_all(ours)
    assert holdings.unfinished
    assert leases.uuids() == [fake_driver.uuids[0]]
    assert fake_driver.locks()[1] is None


def test_the_lease_of_a_gpu_that_is_not_seen_from_here_is_left_alone_until_it_is(
    fake_driver: FakeDriver, holdings: Holdings, leases: LeaseFolder
) -> None:
    for uuid in fake_driver.uuids:
        leases.take(uuid, LeaseParty(5, 5)).abandon()
    fake_driver.gpus[1].lost = 1
    holdings.adopt_left()
    holdings.finish()
    assert leases.uuids() == [fake_driver.uuids[1]]
    assert leases.held(fake_driver.uuids[1]) is False
    assert not holdings.unfinished
    fake_driver.gpus[1].lost = 0
    holdings.adopt_left()
    holdings.finish()
    assert leases.uuids() == []
    assert [gpu.resets for gpu in fake_driver.gpus] == [1, 1]


def test_after_a_hang_the_leases_stay(fake_driver: FakeDriver, leases: LeaseFolder) -> None:
    clocks = NvmlClocks(CallDeadlines(set_s=0.05))
    holdings = Holdings(clocks, leases)
    ours = owner()
    holdings.limit(ours, Limit(fake_driver.uuids, 1110))
    fake_driver.fail(SET, hang_s=3600, gpu=1, times=1)
    with pytest.raises(GpuError) as caught:
        holdings.limit(ours, Limit(fake_driver.uuids, 1605))
    assert caught.value.failure is GpuFailure.TIMED_OUT
    assert clocks.hung
    holdings.abandon()
    assert leases.uuids() == list(fake_driver.uuids)
    fake_driver.heal()
    wait_until(lambda: not clocks.hung)  # its call goes on where it hung, and must find the driver of this test
