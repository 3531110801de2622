"""FilePlanStore: atomic, private, and unmoved by corrupt files, full disks and kill -9."""

import logging
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from freesh_plugin.adapters.plan_store import FilePlanStore
from freesh_plugin.core.errors import PlanError
from tests.fakes.plans import SAMPLE_EPOCH, sample_document

REPOSITORY = Path(__file__).parents[4]

FULL_DISK = """
import resource, sys
from pathlib import Path
from freesh_plugin.adapters.plan_store import FilePlanStore
from freesh_plugin.core.errors import PlanError
from tests.fakes.plans import sample_document
store = FilePlanStore(Path(sys.argv[1]))
store.save(sample_document(revision=1))
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
try:
    store.save(sample_document(revision=2))
except PlanError as error:
    sys.stdout.write(str(error))
"""

WRITE_FOR_EVER = """
import sys
from pathlib import Path
from freesh_plugin.adapters.plan_store import FilePlanStore
from tests.fakes.plans import sample_document
store = FilePlanStore(Path(sys.argv[1]))
documents = [sample_document(revision=revision) for revision in range(1, 40)]
for turn in range(1_000_000):
    store.save(documents[turn % len(documents)])
    sys.stdout.write(f"{documents[turn % len(documents)].plan.revision}\\n")
    sys.stdout.flush()
"""


def script(code: str, folder: Path) -> list[str]:
    return [sys.executable, "-c", code, str(folder)]


def test_plans_come_back_as_they_were_sent_oldest_first(tmp_path: Path) -> None:
    # 9 sorts before 10 as a number and after it as a name.
    documents = [sample_document(epoch=9), sample_document(epoch=10), sample_document(epoch=10, revision=2)]
    for document in reversed(documents):
        FilePlanStore(tmp_path).save(document)
    assert FilePlanStore(tmp_path).load() == tuple(documents)


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert FilePlanStore(tmp_path).load() == ()


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    FilePlanStore(tmp_path).save(sample_document())
    (path,) = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_removed_plan_is_gone_and_removing_it_again_is_fine(tmp_path: Path) -> None:
    store = FilePlanStore(tmp_path)
    store.save(sample_document())
    store.remove(sample_document())
    store.remove(sample_document())
    assert store.load() == ()


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"null"])
def test_a_corrupt_file_is_set_aside_and_the_others_load(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    store = FilePlanStore(tmp_path)
    store.save(sample_document())
    (tmp_path / "1000001-1.json").write_bytes(damage)
    with caplog.at_level(logging.ERROR):
        assert store.load() == (sample_document(),)
    assert "plan_corrupt" in caplog.text
    assert (tmp_path / "1000001-1.json.corrupt").read_bytes() == damage
    assert store.load() == (sample_document(),)


def test_a_plan_changed_on_disk_is_not_taken_up(tmp_path: Path) -> None:
    store = FilePlanStore(tmp_path)
    store.save(sample_document())
    path = tmp_path / "1000000-1.json"
    path.write_bytes(path.read_bytes().replace(b'"loc1"', b'"loc2"'))
    assert store.load() == ()


def test_an_unreadable_entry_is_logged_and_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "1000001-1.json").mkdir()
    assert FilePlanStore(tmp_path).load() == ()
    assert "plan_unreadable" in caplog.text


def test_leftovers_of_a_killed_writer_are_cleared(tmp_path: Path) -> None:
    (tmp_path / "1000001-1.tmp").write_bytes(b"{ half")
    FilePlanStore(tmp_path).load()
    assert list(tmp_path.iterdir()) == []


def test_a_lost_folder_is_a_plan_error(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"epoch 1000000 revision 1 \(\d+ bytes\) not stored: No such file"):
        FilePlanStore(tmp_path / "gone").save(sample_document())


def test_a_failed_rename_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "1000000-1.json").mkdir()
    with pytest.raises(PlanError, match="not stored: Is a directory"):
        FilePlanStore(tmp_path).save(sample_document())
    assert [path.name for path in tmp_path.iterdir()] == ["1000000-1.json"]


def test_a_write_that_ends_half_way_leaves_the_old_plan_and_nothing_else(tmp_path: Path) -> None:
    # A limit on the size of files stands for a full disk: the write fails after its first 1,000 bytes.
    ended = subprocess.run(
        script(FULL_DISK, tmp_path), cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.endswith("not stored: File too large")
    assert [path.name for path in tmp_path.iterdir()] == ["1000000-1.json"]
    assert FilePlanStore(tmp_path).load() == (sample_document(),)


@pytest.mark.parametrize("acknowledged", [1, 7, 30])
def test_kill_9_loses_no_acknowledged_plan_and_tears_none(tmp_path: Path, acknowledged: int) -> None:
    with subprocess.Popen(script(WRITE_FOR_EVER, tmp_path), cwd=REPOSITORY, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(acknowledged)]
        writer.send_signal(signal.SIGKILL)
        said += [int(line) for line in writer.stdout]
    loaded = {document.order for document in FilePlanStore(tmp_path).load()}
    assert {(SAMPLE_EPOCH, revision) for revision in said} <= loaded
    assert list(tmp_path.glob("*.corrupt")) == []
