"""The scenario that an export starts from: its document and its tables, as they are written."""

import csv
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from freesh_plugin.core.errors import ScenarioError

Rows = list[dict[str, str]]

_COPIED = ("carbon.csv", "prices.csv", "machines.csv")
_PROFILES = ("profiles.csv", "power.csv", "token_profiles.csv", "token_limits.csv", "running.csv")


@dataclass(frozen=True)
class Template:
    """A scenario folder, read without understanding more of it than an export changes."""

    folder: Path
    document: dict[str, Any]

    @classmethod
    def of(cls, folder: Path) -> "Template":
        """Read its document.

        Raises:
            ScenarioError: it cannot be read.
        """
        path = folder / "scenario.yaml"
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise ScenarioError(f"{path}: cannot be read: {error}") from error
        if not isinstance(document, dict) or not isinstance(document.get("locations"), list):
            raise ScenarioError(f"{path}: expected a mapping with locations")
        return cls(folder, document)

    def gpu_types(self) -> set[str]:
        """Types that any location has."""
        return {gpu for location in self.document["locations"] for gpu in location.get("gpus", {})}

    def rows(self, name: str) -> Rows:
        """Rows of one of its tables; none where there is no such file.

        Raises:
            ScenarioError: it cannot be read.
        """
        path = self.folder / name
        if not path.exists():
            return []
        try:
            with path.open(encoding="utf-8", newline="") as file:
                return list(csv.DictReader(file))
        except (OSError, csv.Error) as error:
            raise ScenarioError(f"{path}: cannot be read: {error}") from error

    def copy_to(self, folder: Path) -> None:
        """Write what an export leaves as it is; profiles that were there before are removed.

        Raises:
            ScenarioError: it cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in _COPIED:
                if (self.folder / name).exists() and folder.resolve() != self.folder.resolve():
                    shutil.copyfile(self.folder / name, folder / name)
            for name in _PROFILES:
                (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise ScenarioError(f"{folder}: cannot be written: {error.strerror}") from error


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV table.

    Raises:
        ScenarioError: it cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be written: {error.strerror}") from error
