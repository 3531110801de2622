"""The helper's first socket: its path goes with it, and nobody else's."""

import socket
from pathlib import Path

import pytest

from freesh_plugin.adapters.gpu.helper_socket import FirstSocket, listen
from freesh_plugin.core.errors import ConfigError


def test_a_path_goes_with_its_socket(tmp_path: Path) -> None:
    path = tmp_path / "run" / "gpu.sock"
    first = listen(path)
    with pytest.raises(ConfigError, match="another process does"):
        listen(path)
    first.close()
    first.close()
    assert not path.exists()


def test_the_path_of_a_successor_stays(tmp_path: Path) -> None:
    path = tmp_path / "gpu.sock"
    first = listen(path)
    path.unlink()
    second = listen(path)
    first.close()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.connect(str(path))
    second.close()


def test_an_inherited_socket_has_no_path() -> None:
    ours, theirs = socket.socketpair()
    FirstSocket(theirs).close()
    assert ours.recv(1) == b""
    ours.close()
