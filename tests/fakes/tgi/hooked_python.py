"""An environment like TGI's with the plugin's wheel installed, made without touching TGI's own."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[3]
_SITE_PACKAGES = "import sysconfig; print(sysconfig.get_path('purelib'))"


def make_hooked_python(tgi_python: Path, folder: Path) -> Path:
    """Interpreter of a new virtual environment in `folder` that holds the wheel and sees TGI's packages."""
    subprocess.run([tgi_python, "-m", "venv", "--without-pip", folder / "venv"], check=True, timeout=120)
    python = folder / "venv/bin/python"
    site_packages = Path(_printed(python))
    # A plain path: .pth files in TGI's own folder are not run, as they would be had the wheel been installed there.
    (site_packages / "tgi.pth").write_text(_printed(tgi_python) + "\n", encoding="utf-8")
    # Unpacking is all that installing a pure wheel does to site-packages.
    with zipfile.ZipFile(build_wheel(folder)) as wheel:
        wheel.extractall(site_packages)
    return python


def build_wheel(folder: Path) -> Path:
    """The plugin's wheel, built by its own build backend from a copy of the sources."""
    source = folder / "source"
    source.mkdir()
    for name in ("freesh_plugin", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name)
        else:
            shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(source / "dist")]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    (built,) = (source / "dist").glob("*.whl")
    return built


def _printed(python: Path) -> str:
    done = subprocess.run([python, "-c", _SITE_PACKAGES], check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()
