"""The state folder: private, and one process at a time."""

import stat
from pathlib import Path

import pytest

from freesh_plugin.adapters.state_dir import own_state_dir
from freesh_plugin.core.errors import ConfigError


def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with own_state_dir(tmp_path / "a" / "b") as plans:
        assert plans.is_dir()
        assert stat.S_IMODE(plans.parent.stat().st_mode) == 0o700


def test_a_second_owner_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    with (
        own_state_dir(tmp_path),
        pytest.raises(ConfigError, match="in use by another process"),
        own_state_dir(tmp_path),
    ):
        pass
    with own_state_dir(tmp_path):
        pass


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with (
        pytest.raises(ConfigError, match=r"state folder .* cannot be used: File exists"),
        own_state_dir(tmp_path / "state"),
    ):
        pass


def test_an_error_inside_the_block_is_not_mistaken_for_the_lock(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError, match="another thing"), own_state_dir(tmp_path):
        raise BlockingIOError("another thing")
