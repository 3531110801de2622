"""Runs kept in a folder, a file each, so that an evaluation that was stopped goes on where it was."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from freesh_plugin.core.errors import ConfigError
from models.evaluate.outcome_rows import BoundRow, HourRow
from models.evaluate.report.tradeoff_rows import TradeoffRow
from models.simulator.run_scores import ClassScores, RunScores, SeriesRow

FOLDER = "runs"
_ROOT = Path(__file__).parents[2]
_CODE = (
    "freesh_plugin/core", "freesh_plugin/runtime", "freesh_plugin/data", "models/allocation", "models/capacity",
    "models/commands/evaluated_hours.py", "models/commands/planning.py", "models/commands/simulated_hours.py",
    "models/domain", "models/evaluate", "models/forecast", "models/simulator", "models/sources",
)  # fmt: skip
"""Files and folders that a run hangs on, besides its inputs."""

_AFTERWARDS = frozenset({"report", "paired.py", "summary.py"})
"""Of these, what only reads runs that are done."""


@dataclass(frozen=True)
class KeptRun:
    """One policy over one hour under one power model, with all its rows.

    Attributes:
        made_from: Fingerprint of the code and the inputs that it was made from.
        power_model: low, mid or high.
        scores, classes, series: Its rows.
    """

    made_from: str
    power_model: str
    scores: RunScores
    classes: tuple[ClassScores, ...]
    series: tuple[SeriesRow, ...]


@dataclass(frozen=True)
class KeptHour:
    """What an hour consists of, what its fleet's clocks trade, and what no policy can be below in it.

    Attributes:
        made_from: Fingerprint of the code and the inputs that it was made from.
        row, tradeoff, bound: Its rows.
    """

    made_from: str
    row: HourRow
    tradeoff: tuple[TradeoffRow, ...]
    bound: BoundRow


Kept = TypeVar("Kept", KeptRun, KeptHour)


@dataclass(frozen=True)
class RunFiles:
    """The runs of one folder.

    Attributes:
        folder: The folder of results.
        made_from: Fingerprint that a run must have to be taken for done.
    """

    folder: Path
    made_from: str

    def path(self, hour: str, policy: str, power_model: str) -> Path:
        """File of a run."""
        return self.folder / FOLDER / f"{hour}.{policy}.{power_model}.json"

    def kept(self, hour: str, policy: str, power_model: str) -> KeptRun | None:
        """A run that is done; None where it is not, or was made from something else."""
        found = _read(self.path(hour, policy, power_model), KeptRun)
        return found if found is not None and found.made_from == self.made_from else None

    def keep(self, run: KeptRun) -> None:
        """Write a run, whole or not at all.

        Raises:
            ConfigError: the folder cannot be written.
        """
        _write(self.path(run.scores.hour, run.scores.policy, run.power_model), run)

    def keep_hour(self, hour: KeptHour) -> None:
        """Write what an hour consists of.

        Raises:
            ConfigError: the folder cannot be written.
        """
        _write(self.folder / FOLDER / f"{hour.row.hour}.json", hour)

    def kept_hour(self, name: str) -> KeptHour | None:
        """What an hour consists of, if that is done; None if not, or if it was made from something else."""
        found = _read(self.folder / FOLDER / f"{name}.json", KeptHour)
        return found if found is not None and found.made_from == self.made_from else None


def _read(path: Path, kind: type[Kept]) -> Kept | None:
    """A file; None where there is none, or it is of an older form.

    Raises:
        ConfigError: it is there and cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; name another folder, or move it away") from error


def _write(path: Path, kept: object) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(kept))
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error


def fingerprint(inputs: Iterable[Path], *more: str) -> str:
    """SHA-256 over this code, the files that are read, and what else matters, such as settings.

    Files count by name, content and order, wherever they lie: a copy of a data set is the same, a changed one is not.
    """
    digest = hashlib.sha256()
    for path in (*code_files(), *inputs):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update("\0".join(more).encode())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of one file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_files(root: Path = _ROOT) -> Iterator[Path]:
    """Files of a checkout that a run hangs on; what only reads runs that are done is not among them."""
    for place in (root / each for each in _CODE):
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.suffix in _KINDS and _AFTERWARDS.isdisjoint(path.relative_to(root).parts):
                yield path


_KINDS = frozenset({".py", ".json", ".csv", ".yaml"})
