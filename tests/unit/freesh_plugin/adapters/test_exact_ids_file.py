"""The file of a shard's secret: believed only while it is ours, private and held by the process that wrote it."""

import os
from pathlib import Path

import pytest

from freesh_plugin.adapters.tgi.exact_ids import SECRET_LENGTH
from freesh_plugin.adapters.tgi.exact_ids_file import published_secret, read_secret, secret_path

SECRET = "S" * SECRET_LENGTH


def test_it_is_there_as_long_as_it_is_published(tmp_path: Path) -> None:
    socket = tmp_path / "shard-0"
    assert read_secret(socket) is None
    with published_secret(socket, SECRET) as path:
        assert path == tmp_path / "shard-0.freesh-ids"
        assert path.stat().st_mode & 0o777 == 0o600
        assert read_secret(socket) == SECRET
        assert read_secret(str(socket)) == SECRET
    assert not path.exists()
    assert read_secret(socket) is None


def test_what_an_earlier_shard_left_is_replaced(tmp_path: Path) -> None:
    socket = tmp_path / "shard-0"
    secret_path(socket).write_text("left behind", encoding="ascii")
    with published_secret(socket, SECRET):
        assert read_secret(socket) == SECRET


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    socket, target = tmp_path / "shard-0", tmp_path / "target"
    target.write_text("untouched", encoding="ascii")
    secret_path(socket).symlink_to(target)
    with published_secret(socket, SECRET):
        assert not secret_path(socket).is_symlink()
    assert target.read_text(encoding="ascii") == "untouched"


def test_nobodys_file_is_not_believed(tmp_path: Path) -> None:
    socket, kept = tmp_path / "shard-0", tmp_path / "kept"
    with published_secret(socket, SECRET) as path:
        kept.write_bytes(path.read_bytes())
    kept.chmod(0o600)
    kept.rename(path)
    assert read_secret(socket) is None


def test_a_file_open_to_others_is_not_believed(tmp_path: Path) -> None:
    socket = tmp_path / "shard-0"
    with published_secret(socket, SECRET) as path:
        path.chmod(0o640)
        assert read_secret(socket) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_anothers_file_is_not_believed(tmp_path: Path) -> None:
    socket = tmp_path / "shard-0"
    with published_secret(socket, SECRET) as path:
        os.chown(path, 65_534, 65_534)
        assert read_secret(socket) is None


def test_a_link_to_a_secret_is_not_believed(tmp_path: Path) -> None:
    with published_secret(tmp_path / "shard-0", SECRET) as path:
        secret_path(tmp_path / "shard-1").symlink_to(path)
        assert read_secret(tmp_path / "shard-1") is None
        secret_path(tmp_path / "shard-2").hardlink_to(path)
        assert read_secret(tmp_path / "shard-2") is None
        assert read_secret(tmp_path / "shard-0") is None  # two names are one too many
    secret_path(tmp_path / "shard-2").unlink()


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    socket = tmp_path / "shard-0"
    os.mkfifo(secret_path(socket), 0o600)
    assert read_secret(socket) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        SECRET.encode(),
        b"freesh-exact-ids 1\n",
        b"freesh-exact-ids 1\nshort\n",
        b"freesh-exact-ids 2\n" + SECRET.encode(),
        b"freesh-exact-ids 1\n" + SECRET.encode() + b"S\n",
        b"freesh-exact-ids 1\n" + b"\xff" * SECRET_LENGTH,
        b"freesh-exact-ids 1\n" * 1_000,
    ],
)
def test_what_is_no_secret_is_not_believed(tmp_path: Path, content: bytes) -> None:
    socket = tmp_path / "shard-0"
    with published_secret(socket, SECRET) as path:
        path.write_bytes(content)
        assert read_secret(socket) is None
