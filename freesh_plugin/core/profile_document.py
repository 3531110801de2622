"""A profile of one model in one mode as a document: its points, its limits, and where all of it comes from."""

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
        limits = self.limits
        return TokenTable.of(
            self.token_points(),
            TokenLimits(limits.max_batch, limits.kv_tokens, limits.idle_power_w, limits.parked_power_w, self.basis),
        )

    def token_points(self) -> tuple[TokenPoint, ...]:
        """Its points, one by one."""
        return tuple(TokenPoint(p.phase, p.tokens, p.time_s, p.power_w, p.batch, p.sm_clock_mhz) for p in self.points)


def decode_profile(text: bytes) -> ProfileDocument:
    """Read and check a profile.

    Raises:
        ProfileError: it is malformed, or contradicts itself.
    """
    try:
        document = msgspec.json.decode(text, type=ProfileDocument)
    except msgspec.MsgspecError as error:
        raise ProfileError(f"not a profile: {error}") from error
    if document.schema_version != SCHEMA_VERSION:
        raise ProfileError(f"schema version {document.schema_version}, expected {SCHEMA_VERSION}")
    document.table()
    return document
