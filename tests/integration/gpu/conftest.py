"""The fake driver and a run folder, for the tests beside this file."""

from pathlib import Path

import pytest

from tests.fakes.nvml.fixtures import fake_driver, nvml_library
from tests.fakes.nvml.helpers import ROOT

__all__ = ["fake_driver", "nvml_library"]


@pytest.fixture
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path / "run"
