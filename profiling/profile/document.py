"""A profile of one model in one mode as a file: its points, its limits, and where all of it comes from."""

from pathlib import Path
from typing import Any

import msgspec

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile import Basis, Phase, TokenLimits, TokenPoint, TokenTable

SCHEMA_VERSION = 1


class Point(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One pass, as `core.profile.TokenPoint`; a row of six values."""

    phase: Phase
    batch: int
    tokens: float
    sm_clock_mhz: float | None
    time_s: float
    power_w: float


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an instance holds and draws without work, as `core.profile.TokenLimits`."""

    max_batch: int
    kv_tokens: int
    idle_power_w: float
    parked_power_w: float | None = None


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One number that the profile rests on, and where it is from."""

    name: str
    value: float
    unit: str
    source: str


class FitError(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far off a fit is: median of |fitted / measured - 1| over so many values."""

    what: str
    median: float
    values: int


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a profile comes from, and how far to trust it.

    Attributes:
        sources: Machines, data sets, files, each in a phrase.
        cells: Measured cells that it rests on.
        spread: Median over the cells of the standard deviation between repetitions, as a share; None where unknown.
        errors: Of the fits behind it.
        parameters: Every constant of a modelled profile.
        missing: What could not be fitted, and why.
        notes: What else a reader should know.
    """

    sources: list[str]
    cells: int
    spread: float | None = None
    errors: list[FitError] = []
    parameters: list[Parameter] = []
    missing: list[str] = []
    notes: list[str] = []


class ProfileDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file. `extrapolated` says that no figure of this GPU was anywhere in the fit."""

    schema_version: int
    gpu: str
    gpus: int
    model: str
    mode: str
    basis: Basis
    extrapolated: bool = False
    limits: Limits
    points: list[Point]
    provenance: Provenance

    @property
    def label(self) -> str:
        """What it is, in a phrase for titles."""
        kind = "extrapolated from data sheets" if self.extrapolated else str(self.basis)
        return f"{self.model}, {self.mode} ({kind})"

    def table(self) -> TokenTable:
        """The profile that the planner and the runtime reckon with.

        Raises:
            ProfileError: the points contradict each other.
        """
        points = (TokenPoint(p.phase, p.tokens, p.time_s, p.power_w, p.batch, p.sm_clock_mhz) for p in self.points)
        limits = self.limits
        return TokenTable.of(
            points,
            TokenLimits(limits.max_batch, limits.kv_tokens, limits.idle_power_w, limits.parked_power_w, self.basis),
        )


def read_profile(path: Path) -> ProfileDocument:
    """Read and check a profile.

    Raises:
        ProfileError: it cannot be read, is malformed, or contradicts itself.
    """
    try:
        document = msgspec.json.decode(path.read_bytes(), type=ProfileDocument)
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ProfileError(f"{path}: not a profile: {error}") from error
    if document.schema_version != SCHEMA_VERSION:
        raise ProfileError(f"{path}: schema version {document.schema_version}, expected {SCHEMA_VERSION}")
    try:
        document.table()
    except ProfileError as error:
        raise ProfileError(f"{path}: {error}") from error
    return document


def write_profile(document: ProfileDocument, path: Path) -> None:
    """Write a profile, a point a line.

    Raises:
        ProfileError: it contradicts itself, or cannot be written.
    """
    document.table()
    whole: dict[str, Any] = msgspec.to_builtins(_pointless(document))
    text = msgspec.json.format(msgspec.json.encode(whole), indent=1).decode()
    rows = ",\n  ".join(msgspec.json.encode(each).decode() for each in document.points)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace('"points": []', f'"points": [\n  {rows}\n ]') + "\n", encoding="utf-8")
    except OSError as error:
        raise ProfileError(f"{path}: cannot be written: {error.strerror}") from error


def _pointless(document: ProfileDocument) -> ProfileDocument:
    """The document without its points."""
    return msgspec.structs.replace(document, points=[])
