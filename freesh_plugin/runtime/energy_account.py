"""What one request has taken so far: measured joules and grams, and work of the present window."""

from dataclasses import dataclass

from freesh_plugin.core.units import grams


@dataclass(frozen=True, slots=True)
class Intensity:
    """Carbon intensity of a place and time, signed, with its kind (`average`, `marginal`)."""

    carbon_gco2e_per_kwh: float
    kind: str


@dataclass(frozen=True, slots=True)
class RequestEnergy:
    """What a request took; carbon is None where an intensity was missing, or their kinds differ."""

    energy_j: float
    carbon_gco2e: float | None = None
    carbon_kind: str | None = None


class EnergyAccount:
    """A request's energy. `work_j` is predicted and of the present window only; `energy_j` is measured.

    A request in the batch is settled lazily: `alike`, `memory` and `growth` are the running sums (see `EnergyShares`)
    at which it was settled last.
    """

    __slots__ = ("_carbon_g", "_kinds", "alike", "energy_j", "growth", "known", "memory", "tokens", "unread", "work_j")

    def __init__(self) -> None:
        """Nothing yet."""
        self.energy_j = 0.0
        self.work_j = 0.0
        self.known = True
        """Whether every window in which it worked was measured."""
        self.tokens = 0
        """Tokens it has in memory, less the passes of this window so far."""
        self.unread = 0
        """Prompt tokens still to be computed."""
        self.alike = self.memory = self.growth = 0.0
        self._carbon_g = 0.0
        self._kinds: set[str | None] = set()

    def join(self, alike: float, memory: float, growth: float) -> None:
        """It is settled at these sums."""
        self.alike, self.memory, self.growth = alike, memory, growth

    def settle(self, alike: float, memory: float, growth: float) -> None:
        """Add what these sums have grown by."""
        self.work_j += alike - self.alike + (memory - self.memory) * self.tokens + growth - self.growth
        self.join(alike, memory, growth)

    def measure(self, scale: float | None, intensity: Intensity | None) -> float:
        """Turn the window's work into joules (None: it was not measured) and grams; returns the joules."""
        share_j = self.work_j * scale if scale is not None else 0.0
        if self.work_j:
            self.known = self.known and scale is not None
            self._kinds.add(intensity.kind if intensity else None)
            self._carbon_g += grams(share_j, intensity.carbon_gco2e_per_kwh) if intensity else 0.0
        self.energy_j += share_j
        self.work_j = 0.0
        return share_j

    @property
    def taken(self) -> RequestEnergy:
        """All of it."""
        kind = next(iter(self._kinds)) if len(self._kinds) == 1 else None
        return RequestEnergy(self.energy_j, None if kind is None else self._carbon_g, kind)
