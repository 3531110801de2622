"""Who holds which clock: groups are set wholly or not at all, and everything that may be locked has a lease."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


def test_the_driver_is_asked_only_when_something_changes(fake_driver: FakeDriver, holdings: Holdings) -> None:
    ours = owner()
    for _ in range(3):
        holdings.limit(ours, Limit(fake_driver.uuids, 1110))
    holdings.release(ours, fake_driver.uuids)
    holdings.release(ours, fake_driver.uuids)
    assert [(gpu.sets, gpu.resets) for gpu in fake_driver.gpus] == [(1, 1), (1, 1)]


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


def test_leases_of_gpus_that_are_not_seen_from_here_are_left_alone(
    fake_driver: FakeDriver, holdings: Holdings, leases: LeaseFolder
) -> None:
    for uuid in fake_driver.uuids:
        leases.take(uuid, LeaseParty(5, 5)).abandon()
    holdings.adopt_left(fake_driver.uuids[:1])
    holdings.finish()
    assert leases.uuids() == [fake_driver.uuids[1]]
    assert [gpu.resets for gpu in fake_driver.gpus] == [1, 0]


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


class Rig:
    """One driver for many examples; each starts with nothing held."""

    def __init__(self, driver: FakeDriver, leases: LeaseFolder) -> None:
        self.driver = driver
        self.leases = leases
        self.clocks = NvmlClocks()

    def fresh(self) -> Holdings:
        self.driver.heal()
        assert self.driver.locks() == [None, None]
        assert self.leases.uuids() == []
        return Holdings(self.clocks, self.leases)


@pytest.fixture
def rig(fake_driver: FakeDriver, leases: LeaseFolder) -> Rig:
    return Rig(fake_driver, leases)


groups = st.sampled_from([(0,), (1,), (0, 1), (1, 0)])
clocks_mhz = st.sampled_from([1005, 1110, 1980])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("limit"), st.integers(0, 1), groups, clocks_mhz),
        st.tuples(st.just("release"), st.integers(0, 1), groups, st.just(0)),
        st.tuples(st.just("leave"), st.integers(0, 1), st.just(()), st.just(0)),
        st.tuples(st.just("fail"), st.integers(0, 1), st.just(()), st.integers(1, 3)),
    ),
    max_size=20,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_locked_means_leased_and_everything_ends_free(
    rig: Rig, sequence: list[tuple[str, int, tuple[int, ...], int]]
) -> None:
    """Two owners do as they like while single calls fail: no lock without a lease, and in the end no lock."""
    holdings, owners = rig.fresh(), [owner(1), owner(2)]
    for what, who, group, number in sequence:
        uuids = tuple(rig.driver.uuids[index] for index in group)
        before = rig.driver.locks()
        try:
            if what == "limit":
                holdings.limit(owners[who], Limit(uuids, number))
                assert all(rig.driver.locks()[index] == (210, number) for index in group)
            elif what == "release":
                holdings.release(owners[who], uuids)
            elif what == "leave":
                holdings.release_all(owners[who])
            else:
                rig.driver.heal()
                rig.driver.fail(SET, UNKNOWN, gpu=who, times=1, every=number)
        except GpuError:
            if what == "limit":
                assert rig.driver.locks() == before
        locked = [uuid for uuid, lock in zip(rig.driver.uuids, rig.driver.locks(), strict=True) if lock]
        assert set(locked) <= set(rig.leases.uuids())
    rig.driver.heal()
    holdings.disown()
    holdings.finish()
    assert (rig.driver.locks(), rig.leases.uuids()) == ([None, None], [])
