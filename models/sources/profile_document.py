"""Token-level profiles from their documents: those that the plugin brings, and others of that form."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import msgspec

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile import Basis, Phase, TokenLimits, TokenPoint, TokenTable

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class NamedProfile:
    """A profile and what it is of: a model on so many GPUs of a type."""

    gpu_type: str
    gpus: int
    model: str
    mode: str
    table: TokenTable


class _Limits(msgspec.Struct, frozen=True):
    max_batch: int
    kv_tokens: int
    idle_power_w: float
    parked_power_w: float | None = None


class _Document(msgspec.Struct, frozen=True):
    """What the planner needs of `profiling/profile/document.py`; the rest says where the points come from."""

    schema_version: int
    gpu: str
    gpus: int
    model: str
    mode: str
    basis: Basis
    limits: _Limits
    points: list[tuple[Phase, int, float, float | None, float, float]]


def read_profile_document(path: Path) -> NamedProfile:
    """Read a profile.

    Raises:
        ProfileError: it cannot be read, is malformed, or contradicts itself.
    """
    try:
        document = msgspec.json.decode(path.read_bytes(), type=_Document)
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ProfileError(f"{path}: not a profile: {error}") from error
    if document.schema_version != SCHEMA_VERSION:
        raise ProfileError(f"{path}: schema version {document.schema_version}, expected {SCHEMA_VERSION}")
    try:
        table = _table(document)
    except ProfileError as error:
        raise ProfileError(f"{path}: {error}") from error
    return NamedProfile(document.gpu, document.gpus, document.model, document.mode, table)


def shipped_profiles() -> tuple[NamedProfile, ...]:
    """The modelled profiles that the plugin brings, by file name."""
    return tuple(_shipped())


def _shipped() -> Iterator[NamedProfile]:
    with as_file(files("freesh_plugin") / "data") as folder:
        for path in sorted(folder.glob("*.json")):
            yield read_profile_document(path)


def _table(document: _Document) -> TokenTable:
    points = (
        TokenPoint(phase, tokens, time_s, power_w, batch, sm_clock_mhz)
        for phase, batch, tokens, sm_clock_mhz, time_s, power_w in document.points
    )
    own = document.limits
    limits = TokenLimits(own.max_batch, own.kv_tokens, own.idle_power_w, own.parked_power_w, document.basis)
    return TokenTable.of(points, limits)
