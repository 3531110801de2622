"""The wheel by itself: what is in it, and that `freesh` runs from it without any of the planner's libraries."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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


def test_freesh_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    if not UV.is_file():
        pytest.skip("uv is not in .boot: `make setup` installs it")
    python = tmp_path / "venv/bin/python"
    run(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    pins = ROOT / "requirements/plugin.txt"
    run(UV, "pip", "install", "--quiet", "--python", python, "--require-hashes", "--requirement", pins)
    run(UV, "pip", "install", "--quiet", "--python", python, "--no-deps", wheel)
    assert "serve" in run(tmp_path / "venv/bin/freesh", "--help", cwd=tmp_path)
    listed = run(UV, "pip", "list", "--python", python, "--format", "freeze")
    assert not {"numpy", "pandas", "pyomo", "sqlalchemy"} & {line.split("==")[0] for line in listed.splitlines()}
