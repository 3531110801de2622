"""Settings of policies that were chosen on hours which are not reported, each with the same number of trials."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from freesh_plugin.core.errors import ConfigError
from models.simulator.autoscaler import Thresholds

TUNED = Path(__file__).parent.parent / "data" / "evaluation" / "tuned.json"
"""What was chosen, written by `python -m bench.evaluation_tuning`."""


@dataclass(frozen=True)
class Tuned:
    """Settings by policy family.

    Attributes:
        clocks_mhz: The best static clock by GPU type.
        reactive: Of the reactive autoscaler.
        cleanest: Of the one that fills the cleanest location first.
        margins: Policy to the factor on demand that its plans keep capacity for; 1 where not named.
        headroom: Load over capacity that the DynamoLLM-like policy's clocks are chosen for.
    """

    clocks_mhz: dict[str, int] = field(default_factory=lambda: {"A100": 900, "H100": 990})
    reactive: Thresholds = field(default_factory=Thresholds)
    cleanest: Thresholds = field(default_factory=Thresholds)
    margins: dict[str, float] = field(default_factory=dict)
    headroom: float = 0.8

    def margin(self, policy: str) -> float:
        """Factor on demand for a policy."""
        return self.margins.get(policy, 1.0)


def read_tuned(path: Path = TUNED) -> Tuned:
    """What was chosen; the defaults where nothing is written down.

    Raises:
        ConfigError: the file is no such settings.
    """
    return _read(path).chosen


def read_trials(path: Path = TUNED) -> list[dict[str, Any]]:
    """Every trial that is written down.

    Raises:
        ConfigError: the file is no such settings.
    """
    return _read(path).trials


def _read(path: Path) -> "_File":
    if not path.is_file():
        return _File(Tuned(), [], [])
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: not tuned settings: {error}") from error


def write_tuned(path: Path, chosen: Tuned, trials: list[dict[str, Any]], hours: list[str]) -> None:
    """Write what was chosen, with every trial and the hours that it was tried on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(_File(chosen, hours, trials)), indent=1) + b"\n")


@dataclass(frozen=True)
class _File:
    chosen: Tuned
    hours: list[str]
    trials: list[dict[str, Any]]
