"""The plan API's token: given, read, or made once."""

import logging
import stat
from pathlib import Path

import pytest

from freesh_plugin.adapters.plan_token import known_or_made_token, known_token, made_token_file
from freesh_plugin.config import PluginConfig
from freesh_plugin.core.errors import ConfigError


def test_a_token_is_made_once_for_the_owner_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = PluginConfig(tmp_path)
    with caplog.at_level(logging.DEBUG):
        token = known_or_made_token(config)
    assert len(token) >= 32
    assert stat.S_IMODE(made_token_file(tmp_path).stat().st_mode) == 0o600
    assert known_or_made_token(config) == known_token(config) == token
    assert token not in caplog.text


def test_two_runtimes_make_two_tokens(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert known_or_made_token(PluginConfig(tmp_path / "a")) != known_or_made_token(PluginConfig(tmp_path / "b"))


def test_a_given_token_is_used_and_none_is_made(tmp_path: Path) -> None:
    assert known_or_made_token(PluginConfig(tmp_path, plan_token="given-token-1234")) == "given-token-1234"
    assert list(tmp_path.iterdir()) == []


def test_a_token_file_is_read_without_the_space_around(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("  0123456789abcdef\n\n")
    assert known_or_made_token(PluginConfig(tmp_path, plan_token_file=path)) == "0123456789abcdef"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "has 0 characters, limits 16 and 512 characters"),
        (b"short", "has 5 characters"),
        (b"x" * 10_000, "has 4097 characters"),
        (b"\xff" * 20, "other than visible ASCII"),
    ],
)
def test_a_useless_token_file_is_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=fault):
        known_or_made_token(PluginConfig(tmp_path, plan_token_file=path))


def test_a_missing_token_file_is_not_replaced_by_a_made_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        known_or_made_token(PluginConfig(tmp_path, plan_token_file=tmp_path / "gone"))
    assert list(tmp_path.iterdir()) == []


def test_asking_never_makes_a_token(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no token: none is set, and .* is not there; name its file by --token-file"):
        known_token(PluginConfig(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_cannot_take_a_token(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        known_or_made_token(PluginConfig(tmp_path / "gone"))


def test_a_token_file_that_all_can_read_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "token"
    path.write_text("0123456789abcdef")
    path.chmod(0o644)
    known_or_made_token(PluginConfig(tmp_path, plan_token_file=path))
    assert "token_file_readable_by_all" in caplog.text
