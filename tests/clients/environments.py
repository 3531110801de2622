"""Makes the environment of one client from its pinned requirements, once, and finds it again afterwards."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
UV = ROOT / ".boot" / "bin" / "uv"
_INSTALL_S = 600


class NotInstallableError(Exception):
    """The environment cannot be made here."""


@dataclass(frozen=True)
class ClientEnvironment:
    """A client's environment below `folder`, named for its requirements: changed ones are another environment."""

    client: str
    folder: Path

    @property
    def requirements(self) -> Path:
        """Its versions and hashes."""
        return ROOT / "requirements" / f"clients-{self.client}.txt"

    def python(self) -> Path:
        """Its interpreter.

        Raises:
            NotInstallableError: uv or one of the packages is out of reach.
        """
        digest = hashlib.sha256(self.requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
        made = self.folder / f"{self.client}-{digest}"
        if not made.is_dir():
            self._make(made)
        return made / "bin" / "python"

    def _make(self, made: Path) -> None:
        if not UV.is_file():
            raise NotInstallableError(f"{UV.relative_to(ROOT)} is missing: `make setup` brings it")
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as temporary:
            half_made = Path(temporary) / "environment"
            self._uv("venv", "--relocatable", "--python", sys.executable, str(half_made))
            interpreter = str(half_made / "bin" / "python")
            self._uv("pip", "sync", "--require-hashes", "--python", interpreter, str(self.requirements))
            shutil.move(half_made, made)

    def _uv(self, *arguments: str) -> None:
        try:
            done = subprocess.run([UV, "--quiet", *arguments], capture_output=True, text=True, timeout=_INSTALL_S)
        except subprocess.TimeoutExpired as error:
            raise NotInstallableError(f"not done within {_INSTALL_S} s") from error
        if done.returncode:
            raise NotInstallableError(done.stderr.strip())
