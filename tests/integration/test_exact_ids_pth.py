"""The exact-ids hook as the wheel installs it: loaded at Python's start in shards alone, harmless when broken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.tgi.hooked_python import make_hooked_python

LOADED = "import sys; print(sorted(name for name in sys.modules if name.startswith('freesh_plugin.adapters.tgi')))"
HOOK = "freesh_plugin.adapters.tgi.exact_ids_hook"
START = "freesh_plugin.adapters.tgi.exact_ids_start"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the wheel installed."""
    return make_hooked_python(Path(sys.executable), tmp_path_factory.mktemp("installed"))


def run(python: Path, program: Path, *words: str, switched_on: bool) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FREESH_"))}
    if switched_on:
        environment["FREESH_EXACT_IDS"] = "1"
    command = [str(python), str(program), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, cwd=program.parent)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """A program by the name of TGI's server that tells what was loaded before it."""
    program = tmp_path / "text-generation-server"
    program.write_text(LOADED, encoding="utf-8")
    return program


def test_a_shard_is_hooked(python: Path, shard: Path) -> None:
    done = run(python, shard, "serve", "model", switched_on=True)
    assert HOOK in done.stdout
    assert not done.stderr


@pytest.mark.parametrize("words", [("download-weights", "model"), ("quantize",), ()])
def test_other_commands_are_not(python: Path, shard: Path, words: tuple[str, ...]) -> None:
    done = run(python, shard, *words, switched_on=True)
    assert HOOK not in done.stdout
    assert not done.stderr


def test_nor_is_another_program(python: Path, shard: Path) -> None:
    done = run(python, shard.rename(shard.with_name("other-server")), "serve", switched_on=True)
    assert HOOK not in done.stdout


def test_switched_off_nothing_of_freesh_is_loaded(python: Path, shard: Path) -> None:
    done = run(python, shard, "serve", "model", switched_on=False)
    assert done.stdout == "[]\n"
    assert not done.stderr


@pytest.mark.parametrize("broken", [HOOK, START])
def test_a_broken_installation_never_stops_python(shard: Path, tmp_path: Path, broken: str) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    python = make_hooked_python(Path(sys.executable), folder)
    (module,) = folder.glob(f"venv/lib/python*/site-packages/{broken.replace('.', '/')}.py")
    module.write_text("raise ImportError('half an upgrade')\n", encoding="utf-8")
    done = run(python, shard, "serve", "model", switched_on=True)
    assert done.returncode == 0
    assert done.stdout.startswith("[")
    assert "half an upgrade" in done.stderr
