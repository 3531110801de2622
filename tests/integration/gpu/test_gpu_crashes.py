"""Owners and helpers ended at random moments: no clock stays locked, and nothing is left behind.

How quickly is measured by bench/helper_crashes.py, two hundred times; here a slow machine is no failure.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.nvml.crashes import (
    Scene,
    crash,
    hang,
    hang_and_kill_owner,
    interrupt_owner,
    kill_both,
    kill_helper,
    kill_owner,
    kill_owner_and_hang,
    terminate_helper,
    terminate_owner,
)


@pytest.mark.parametrize("seed", range(10))
def test_an_owner_that_is_killed(nvml_library: Path, tmp_path: Path, seed: int) -> None:
    came = crash(nvml_library, tmp_path, kill_owner, seed)
    assert came.freed
    assert came.left == ()


@pytest.mark.parametrize(
    "how",
    [
        terminate_owner,
        interrupt_owner,
        hang,
        hang_and_kill_owner,
        kill_owner_and_hang,
        kill_helper,
        terminate_helper,
        kill_both,
    ],
)
def test_other_ends(nvml_library: Path, tmp_path: Path, how: Callable[[Scene], float]) -> None:
    came = crash(nvml_library, tmp_path, how, seed=1)
    assert came.freed
    assert came.left == ()
