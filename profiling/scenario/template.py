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

STALE = ("profiles.csv", "power.csv", "token_profiles.csv", "token_limits.csv", "running.csv")
"""Tables of modes, which those of other modes must not outlive."""


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
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ScenarioError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
        if not isinstance(document, dict) or not _mappings(document.get("locations")):
            raise ScenarioError(f"{path}: expected a mapping with locations, each a mapping")
        if not _mappings(document.get("partitions") or []):
            raise ScenarioError(f"{path}: expected partitions, each a mapping")
        return cls(folder, document)

    def gpu_types(self) -> set[str]:
        """Types that any location has."""
        return {gpu for location in self.document["locations"] for gpu in location.get("gpus") or ()}

    def rows(self, name: str, needed: Sequence[str] = ()) -> Rows:
        """Rows of one of its tables; none where there is no such file.

        Raises:
            ScenarioError: it cannot be read, or lacks one of the columns needed.
        """
        path = self.folder / name
        if not path.exists():
            return []
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file, strict=True))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ScenarioError(f"{path}: cannot be read: {error}") from error
        for line, row in enumerate(rows, start=2):
            if None in row or None in row.values() or not row.keys() >= set(needed):
                raise ScenarioError(f"{path}, line {line}: expected a value in each of {', '.join(needed or row)}")
        return rows

    def copy_to(self, folder: Path) -> None:
        """Write what an export leaves as it is.

        Raises:
            ScenarioError: it cannot be written.
        """
        try:
            for name in _COPIED:
                if (self.folder / name).exists():
                    shutil.copyfile(self.folder / name, folder / name)
        except OSError as error:
            raise ScenarioError(f"{folder}: cannot be written: {error.strerror}") from error


def _mappings(listed: object) -> bool:
    return isinstance(listed, list) and all(isinstance(each, dict) for each in listed)


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
