"""Two owners of two GPUs do as they like: no lock without a lease, and in the end no lock."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freesh_plugin.adapters.gpu.helper_frames import Limit
from freesh_plugin.adapters.gpu.leases import LeaseFolder, LeaseParty
from freesh_plugin.adapters.gpu.nvml_clocks import NvmlClocks
from freesh_plugin.core.gpu import GpuError
from freesh_plugin.services.gpu_holdings import Holdings, Owner
from tests.fakes.nvml.controller import UNKNOWN, FakeDriver

SET = "nvmlDeviceSetGpuLockedClocks"


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
def rig(fake_driver: FakeDriver, tmp_path: Path) -> Rig:
    folder = LeaseFolder(tmp_path / "run")
    folder.make()
    return Rig(fake_driver, folder)


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
    holdings, owners = rig.fresh(), [Owner(LeaseParty(pid, 1)) for pid in (1, 2)]
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
