"""The fake driver for tests: its library, and GPUs that this process and those it starts can reach."""

import ctypes
import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.nvml.controller import FakeDriver, build_library


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fake libnvidia-ml.so.1, built once."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    return build_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def fake_driver(nvml_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDriver]:
    """Two idle GPUs that the real nvidia-ml-py finds, here and in child processes."""
    driver = FakeDriver(tmp_path / "driver")
    for name, value in driver.environment(nvml_library).items():
        monkeypatch.setenv(name, value)
    # LD_LIBRARY_PATH is read when a process starts: here, the library is found because it is loaded already.
    ctypes.CDLL(str(nvml_library), ctypes.RTLD_GLOBAL)
    yield driver
    driver.heal()
    nvml = importlib.import_module("pynvml")
    while True:
        try:
            nvml.nvmlShutdown()
        except nvml.NVMLError:
            break
    driver.close()
