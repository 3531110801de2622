"""The scenario: locations, modes, partitions, profiles, SLOs and the series of one planning problem."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from freesh_plugin.core.request import CellGrid, Partition
from freesh_plugin.core.units import STEP_S

DEFAULT = "default"
ANY_ORIGIN = "any"
IDLE_FRACTION = 0.3
"""Assumed idle power of a loaded instance as a share of its full power, where no profile states it.

Of the order of parked watts plus the 26-66 W a GPU that an idle loaded model adds (arXiv 2605.23918)
over the full-load watts of the FREESH authors' profiles (0.27 to 0.36). Labelled assumed wherever shown.
"""
PARKED_POWER_W: Mapping[str, float] = {"A100": 55.0, "H100": 70.0}
"""Watts of a parked GPU by type; another type must state its own in the full form."""


class Survive(StrEnum):
    """Which loss capacity must outlive."""

    NONE = "none"
    LOCATION = "location"
    MACHINE = "machine"


@dataclass(frozen=True)
class Objective:
    """What is minimised: weights in USD/kgCO2e (carbon), USD/kWh (energy) and 1 (cost).

    A single word is that term alone, in its own unit: g, J or USD per epoch.
    """

    carbon: float = 0.0
    energy: float = 0.0
    cost: float = 0.0
    name: str = "weights"

    @classmethod
    def only(cls, term: str) -> "Objective":
        """One term alone: carbon, energy or cost."""
        return cls(**{term: 1.0}, name=term)

    @property
    def needs_prices(self) -> bool:
        """Whether `prices.csv` is required."""
        return self.cost > 0


@dataclass(frozen=True)
class CarbonSignal:
    """What the carbon numbers are: average or marginal, direct or lifecycle, g/kWh or a unit not stated."""

    kind: str = "average"
    scope: str = "direct"
    unit: str = "gco2e_per_kwh"


@dataclass(frozen=True)
class Location:
    """A data centre: GPUs by type, its grid, overheads, limits and who may be served there.

    `allowed_origins` None = all. `rtt_s` maps origin to round-trip seconds, 0 where absent. `price_zone` None = the
    `grid_zone` is also the bidding zone of its electricity price.
    """

    name: str
    gpus: Mapping[str, int]
    pue: float = 1.0
    grid_zone: str | None = None
    rtt_s: Mapping[str, float] = field(default_factory=dict)
    allowed_origins: tuple[str, ...] | None = None
    power_cap_w: float | None = None
    max_share: float = 1.0
    parked_power_w: Mapping[str, float] = field(default_factory=lambda: dict(PARKED_POWER_W))
    host_power_w: float = 0.0
    price_zone: str | None = None

    @property
    def priced_in(self) -> str | None:
        """Zone of its electricity price."""
        return self.price_zone or self.grid_zone

    def allows(self, origin: str) -> bool:
        """Whether requests of this origin may be served here (data residency)."""
        return self.allowed_origins is None or origin in self.allowed_origins


@dataclass(frozen=True)
class Mode:
    """GPU type x tensor parallelism (x clock ceiling) of an instance."""

    name: str
    gpus: Mapping[str, int]
    sm_clock_ceiling_mhz: int | None = None
    startup_s: float = 0.0
    startup_energy_j: float = 0.0

    @property
    def hardware(self) -> tuple[tuple[str, int], ...]:
        """GPUs it takes, as a key: modes of equal hardware change into one another without a restart."""
        return tuple(sorted(self.gpus.items()))


@dataclass(frozen=True)
class Tier:
    """A service tier; `shed_price` is the dimensionless weight of shedding it.

    `protected`: capacity for this tier must outlive the loss that the scenario's `survive` names.
    """

    name: str = DEFAULT
    shed_price: float = 1.0
    protected: bool = True


@dataclass(frozen=True)
class Endpoint:
    """A runtime that plans are pushed to; `connection` names the Airflow Connection that holds its token."""

    name: str
    kind: str
    location: str
    url: str
    connection: str | None = None


@dataclass(frozen=True)
class Profile:
    """One instance of a mode serving one class: capacity (0 = cannot serve), power and latencies.

    `power_levels` are (load as a share of `capacity_rps`, watts), ascending, the last one (1, `full_power_w`);
    empty = power is affine between idle and full. `modelled` rows were derived, not measured as they stand.
    """

    partition: str
    request_class: str
    mode: str
    capacity_rps: float
    full_power_w: float
    latency_s: float
    ttft_s: float
    tbt_s: float
    idle_power_w: float
    model: str = DEFAULT
    idle_assumed: bool = False
    power_levels: tuple[tuple[float, float], ...] = ()
    modelled: bool = False


@dataclass(frozen=True)
class ServiceLevel:
    """Largest latency, TTFT and TBT, in seconds, that a class may see."""

    partition: str
    request_class: str
    latency_s: float
    ttft_s: float
    tbt_s: float
    model: str = DEFAULT
    tier: str = DEFAULT


@dataclass(frozen=True)
class Demand:
    """Offered demand of a class in one step: the quantile that capacity is for, and the mean (None = equal)."""

    partition: str
    request_class: str
    step: int
    demand_rps: float
    mean_rps: float | None = None
    origin: str = ANY_ORIGIN
    model: str = DEFAULT
    tier: str = DEFAULT


@dataclass(frozen=True)
class CarbonPoint:
    """Carbon intensity of a location in one step, signed."""

    location: str
    step: int
    carbon_gco2e_per_kwh: float
    p10: float | None = None
    p90: float | None = None


@dataclass(frozen=True)
class PricePoint:
    """Electricity price of a location in one step, signed."""

    location: str
    step: int
    price_usd_per_mwh: float


@dataclass(frozen=True)
class Machine:
    """GPUs of one type in one machine; available in steps [available_from, available_until)."""

    location: str
    machine: str
    gpu_type: str
    gpus: int
    available_from: int | None = None
    available_until: int | None = None


@dataclass(frozen=True)
class Running:
    """Instances that run now."""

    location: str
    machine: str
    mode: str
    request_class: str
    instances: int
    partition: str | None = None
    model: str = DEFAULT


@dataclass(frozen=True)
class Scenario:
    """One planning problem, whole and checked: every name that a part refers to exists.

    `folder` is where it was read from, for error messages.
    """

    name: str
    locations: tuple[Location, ...]
    modes: tuple[Mode, ...]
    partitions: tuple[Partition, ...]
    profiles: tuple[Profile, ...]
    slos: tuple[ServiceLevel, ...]
    demand: tuple[Demand, ...]
    carbon: tuple[CarbonPoint, ...]
    prices: tuple[PricePoint, ...] = ()
    machines: tuple[Machine, ...] = ()
    running: tuple[Running, ...] = ()
    models: tuple[str, ...] = (DEFAULT,)
    tiers: tuple[Tier, ...] = (Tier(),)
    endpoints: tuple[Endpoint, ...] = ()
    step_s: int = STEP_S
    steps: int = 6
    objective: Objective = field(default_factory=lambda: Objective.only("carbon"))
    demand_margin: float = 1.0
    carbon_signal: CarbonSignal = CarbonSignal()
    survive: Survive = Survive.NONE
    max_changes_per_location: int | None = None
    folder: Path | None = None

    @property
    def cells(self) -> CellGrid:
        """Common refinement of the boundaries of all partitions."""
        return CellGrid.refining(self.partitions)

    def location(self, name: str) -> Location:
        """The location of that name."""
        return next(each for each in self.locations if each.name == name)

    def mode(self, name: str) -> Mode:
        """The mode of that name."""
        return next(each for each in self.modes if each.name == name)

    def partition(self, name: str) -> Partition:
        """The partition of that name."""
        return next(each for each in self.partitions if each.name == name)
