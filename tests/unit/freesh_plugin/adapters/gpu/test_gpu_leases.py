"""Leases: held by living processes only, left by dead ones, and nobody else's files."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from freesh_plugin.adapters.gpu.leases import LeaseFolder, LeaseParty, party
from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.gpu import GpuError, GpuFailure

UUID = "GPU-00000000-0000-4000-8000-00000000fa4e"
OTHER = "GPU-00000001-0000-4000-8000-00000000fa4e"
OWNER = LeaseParty(4242, 1)

TAKE_AND_WAIT = """
import sys
from pathlib import Path
from freesh_plugin.adapters.gpu.leases import LeaseFolder, LeaseParty
lease = LeaseFolder(Path(sys.argv[1])).take(sys.argv[2], LeaseParty(4242, 1))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> LeaseFolder:
    leases = LeaseFolder(tmp_path / "run")
    leases.make()
    return leases


def holder(folder: LeaseFolder) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", TAKE_AND_WAIT, str(folder.path), UUID]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_lease_says_who_and_goes_with_its_end(folder: LeaseFolder) -> None:
    lease = folder.take(UUID, OWNER)
    note = folder.note(UUID)
    assert note is not None
    assert (note.uuid, note.helper, note.owner) == (UUID, party(os.getpid()), OWNER)
    assert folder.uuids() == [UUID]
    assert list(folder.take_all_left()) == []
    lease.end()
    lease.end()
    assert folder.uuids() == []
    assert (folder.note(UUID), folder.held(UUID)) == (None, None)


def test_a_living_holder_keeps_others_out_and_a_dead_one_does_not(folder: LeaseFolder) -> None:
    with holder(folder) as process:
        with pytest.raises(GpuError, match=f"held by process {process.pid} on behalf of process 4242") as taking:
            folder.take(UUID, OWNER)
        with pytest.raises(GpuError, match="held by process") as left_by_the_dead:
            folder.take_left(UUID)
        assert (taking.value.failure, left_by_the_dead.value.failure) == (GpuFailure.HELD, GpuFailure.HELD)
        assert folder.held(UUID) is True
        assert list(folder.take_all_left()) == []
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert folder.held(UUID) is False
        (left,) = folder.take_all_left()
        assert left.uuid == UUID
        left.abandon()
        taken = folder.take_left(UUID)
        assert taken is not None
        taken.end()
    assert folder.take_left(UUID) is None


def test_an_abandoned_lease_can_be_taken(folder: LeaseFolder) -> None:
    made = folder.take(UUID, OWNER)
    made.abandon()
    found = folder.take(UUID, OWNER)
    assert (made.fresh, found.fresh) == (True, False)
    found.end()
    assert folder.uuids() == []


@contextmanager
def no_room() -> Iterator[None]:
    """Files cannot grow, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_lease_that_cannot_be_written_is_held_by_nobody(folder: LeaseFolder) -> None:
    with no_room(), pytest.raises(GpuError, match="cannot be written") as caught:
        folder.take(UUID, OWNER)
    assert caught.value.failure is GpuFailure.OTHER
    assert folder.uuids() == []
    folder.take(UUID, OWNER).abandon()
    with no_room(), pytest.raises(GpuError, match="cannot be written"):
        folder.take(UUID, OWNER)
    assert folder.uuids() == [UUID], "a clock may be locked under it"
    folder.take(UUID, OWNER).end()


def test_a_lease_whose_file_was_removed_ends_without_anothers(folder: LeaseFolder) -> None:
    first = folder.take(UUID, OWNER)
    assert (first.is_there, first.replaced) == (True, False)
    (folder.path / f"{UUID}.json").unlink()
    assert (first.is_there, first.replaced) == (False, False)
    second = folder.take(UUID, OWNER)
    assert (first.replaced, second.is_there) == (True, True)
    first.end()
    assert folder.held(UUID) is True
    second.end()
    assert folder.uuids() == []


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_lease_that_says_nothing_is_a_lease(folder: LeaseFolder, text: bytes) -> None:
    """A crash can come between making the file and writing it; its name is what counts."""
    (folder.path / f"{UUID}.json").write_bytes(text)
    assert folder.note(UUID) is None
    (left,) = folder.take_all_left()
    assert left.uuid == UUID
    left.end()


def test_other_files_are_left_alone(folder: LeaseFolder) -> None:
    for name in ("GPU-x.json", "notes.json", f"{UUID}.txt", "GPU-0000000g.json"):
        (folder.path / name).write_text("x")
    assert folder.uuids() == []
    assert list(folder.take_all_left()) == []


def test_a_link_is_not_followed(folder: LeaseFolder, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep")
    (folder.path / f"{UUID}.json").symlink_to(tmp_path / "precious")
    with pytest.raises(GpuError, match="cannot be"):
        folder.take(UUID, OWNER)
    with pytest.raises(GpuError, match="cannot be"):
        folder.take_left(UUID)
    assert list(folder.take_all_left()) == []
    assert (tmp_path / "precious").read_text() == "keep"


def test_a_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(ConfigError, match="other users"):
        LeaseFolder(folder).make()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be used"):
        LeaseFolder(tmp_path / "file" / "run").make()


def test_a_missing_folder_has_no_leases(tmp_path: Path) -> None:
    folder = LeaseFolder(tmp_path / "none")
    assert folder.uuids() == []
    assert folder.take_left(UUID) is None
    with pytest.raises(GpuError, match="cannot be written"):
        folder.take(OTHER, OWNER)


def test_a_process_that_is_not_there_has_no_start() -> None:
    assert party(2**22 + 1).started_ticks == -1
    assert party(os.getpid()).started_ticks > 0
