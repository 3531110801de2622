"""The wheel by itself: what is in it, and that `freesh` runs from it without any of the planner's libraries."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.integration.test_docs_commands import fenced_commands

ROOT = Path(__file__).parents[2]
UV = ROOT / ".boot/bin/uv"


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    environment |= {"UV_NO_CONFIG": "1", "UV_SYSTEM_CERTS": "1"}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for name in ("freesh_plugin", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", source / "dist", cwd=source)
    (built,) = (source / "dist").glob("*.whl")
    return built


def test_the_wheel_holds_the_plugin_and_what_starts_its_hook(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"freesh_plugin", "freesh_exact_ids.pth"}
    assert [name for name in names if name.endswith(".pth")] == ["freesh_exact_ids.pth"]


def installed(wheel: Path, pins: str, folder: Path) -> Path:
    """Interpreter of a new environment with the wheel and the requirements pinned for it."""
    if not UV.is_file():
        pytest.skip("uv is not in .boot: `make setup` installs it")
    python = folder / "venv/bin/python"
    run(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv")
    wanted = ROOT / "requirements" / pins
    run(UV, "pip", "install", "--quiet", "--python", python, "--require-hashes", "--requirement", wanted)
    run(UV, "pip", "install", "--quiet", "--python", python, "--no-deps", wheel)
    return python


def test_freesh_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    python = installed(wheel, "plugin.txt", tmp_path)
    assert "serve" in run(tmp_path / "venv/bin/freesh", "--help", cwd=tmp_path)
    listed = run(UV, "pip", "list", "--python", python, "--format", "freeze")
    assert not {"numpy", "pandas", "pyomo", "sqlalchemy"} & {line.split("==")[0] for line in listed.splitlines()}
    refused = subprocess.run(
        [tmp_path / "venv/bin/freesh", "serve", "--engine", "simulated"], capture_output=True, text=True, timeout=60
    )
    assert refused.returncode == 2
    assert "pip install 'freesh-plugin[tgi]'" in refused.stderr


def test_the_documented_requests_are_served_from_the_wheel_with_its_extra(wheel: Path, tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    freesh = installed(wheel, "plugin-tgi.txt", tmp_path).with_name("freesh")
    command = [
        str(freesh),
        "serve",
        "--engine",
        "simulated",
        "--port",
        "0",
        "--admin-port",
        "0",
        "--state-dir",
        str(tmp_path),
    ]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("FREESH_", "PYTHON"))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean, cwd=tmp_path) as serving:
        try:
            assert serving.stdout is not None
            lines = iter(serving.stdout.readline, "")
            url = next(line for line in lines if line.startswith("serving ")).split()[1]
            next(line for line in lines if line.startswith("ready "))
            documented = [each for each in fenced_commands(ROOT / "docs/router.md") if each.startswith("curl ")]
            assert len(documented) == 2
            for each in documented:
                words = shlex.split(each.replace("http://127.0.0.1:3000", url))
                assert json.loads(run(*words, "--silent", "--show-error", "--fail-with-body", cwd=tmp_path))
        finally:
            serving.terminate()
    assert serving.returncode == 0
