"""The router on NVML: the real nvidia-ml-py, a real helper and a fake driver; two ranks on two GPUs."""

import signal
from pathlib import Path

import httpx

from tests.fakes.nvml.controller import MIG_ON, FakeDriver
from tests.fakes.router_process import RouterProcess, router_process, wait_until


def settings(folder: Path, **more: str) -> dict[str, str]:
    return {"FREESH_GPU": "nvml", "FREESH_GPU_RUN_DIR": f"{folder}/run", "FREESH_CLOCK_FLOOR_MHZ": "1110", **more}


def ask(running: RouterProcess) -> httpx.Response:
    body = {"inputs": "Tell me all of it", "parameters": {"max_new_tokens": 60}}
    answer = httpx.post(f"{running.url}/generate", json=body, timeout=60)
    assert answer.status_code == 200
    return answer


def test_both_ranks_are_metered_and_governed_together(fake_driver: FakeDriver, tmp_path: Path) -> None:
    with router_process(tmp_path, settings=settings(tmp_path, FREESH_GOVERNOR="miad"), ranks=2) as running:
        wait_until(lambda: fake_driver.locks() == [(210, 1110), (210, 1110)])
        assert all(running.metric(f'freesh_sm_clock_mhz{{gpu="{uuid}"}}') > 0 for uuid in fake_driver.uuids)
        ask(running)
        assert float(ask(running).headers["x-freesh-energy-j"]) > 0
        running.router.send_signal(signal.SIGTERM)
        assert running.router.wait(30) == 0
        assert fake_driver.locks() == [None, None]


def test_only_one_of_two_gpus_is_its_own(fake_driver: FakeDriver, tmp_path: Path) -> None:
    with router_process(tmp_path, settings=settings(tmp_path)) as running:
        wait_until(lambda: "name one a rank in FREESH_GPU_UUIDS" in running.log)
        assert "x-freesh-energy-j" not in ask(running).headers


def test_a_killed_router_leaves_no_clock_behind(fake_driver: FakeDriver, tmp_path: Path) -> None:
    own = settings(tmp_path, FREESH_GOVERNOR="static", FREESH_STATIC_CLOCK_MHZ="1200")
    with router_process(tmp_path, settings=own | {"FREESH_GPU_UUIDS": fake_driver.uuids[1]}) as running:
        wait_until(lambda: fake_driver.locks() == [None, (210, 1200)])
        running.router.send_signal(signal.SIGKILL)
        wait_until(lambda: fake_driver.locks() == [None, None])


def test_partitioned_gpus_are_governed_only_by_their_sole_tenant(fake_driver: FakeDriver, tmp_path: Path) -> None:
    fake_driver.gpus[1].mig = MIG_ON
    own = settings(tmp_path, FREESH_GOVERNOR="miad", FREESH_GPU_UUIDS=fake_driver.uuids[1])
    with router_process(tmp_path, settings=own) as running:
        wait_until(lambda: 'governor_ticks_total{reason="mig"}' in httpx.get(f"{running.url}/metrics").text)
        assert fake_driver.locks() == [None, None]
    with router_process(tmp_path, settings=own | {"FREESH_GPU_SOLE_TENANT": "1"}) as running:
        wait_until(lambda: fake_driver.locks() == [None, (210, 1110)])


def test_a_driver_that_hangs_or_denies_holds_nobody_up(fake_driver: FakeDriver, tmp_path: Path) -> None:
    fake_driver.state.root = 0
    with router_process(tmp_path, settings=settings(tmp_path, FREESH_GOVERNOR="miad"), ranks=2) as running:
        wait_until(lambda: 'freesh_governor_mode{mode="observe"} 1' in httpx.get(f"{running.url}/metrics").text)
        assert fake_driver.locks() == [None, None]
        ask(running)
        assert float(ask(running).headers["x-freesh-energy-j"]) > 0
        fake_driver.fail("nvmlDeviceGetTotalEnergyConsumption", hang_s=60)
        for _ in range(4):
            ask(running)
        running.router.send_signal(signal.SIGTERM)
        assert running.router.wait(40) == 0
