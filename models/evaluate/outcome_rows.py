"""What an evaluation concludes from its runs: rows of layers.csv, and the one object of summary.json."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Estimate:
    """A mean over hours and seeds with its paired 95 % interval; no ends where there is but one hour."""

    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Comparison:
    """One policy beside the reference, over the hours of one kind of grids or all of them.

    Attributes:
        policy: Name of the policy.
        scenario: Kind of grids; `all` = every hour.
        hours: Pairs of runs that were compared.
        energy, carbon, carbon_marginal, cost: Change as a share of the reference's total: -0.286 = 28.6 % less. None
            where it is not known.
        energy_gpu: The same of the GPUs alone, without hosts and PUE.
        attainment_points: SLO attainment less the reference's, percentage points.
        equal_slo: Attainment within 0.2 points of the reference's, or above it, and shed and refused no higher.
        ambiguous: The two ledgers of carbon have different signs: never "saved".
        carbon_marginal_hours, cost_hours: Of the pairs, those in which it is known, over which its change is told.
    """

    policy: str
    scenario: str
    hours: int
    energy: Estimate
    energy_gpu: Estimate
    carbon: Estimate | None
    carbon_marginal: Estimate | None
    cost: Estimate | None
    attainment_points: Estimate
    equal_slo: bool
    ambiguous: bool
    carbon_marginal_hours: int = 0
    cost_hours: int = 0


@dataclass(frozen=True)
class LayerRow:
    """One step of the way from the reference to the last policy: what this layer changes on top of those before it.

    Attributes:
        layer: In a few words: right-sizing, partition, carbon signal, clock, scheduling.
        from_policy, to_policy: The runs whose difference it is.
        power_model: Which power model the clocks were scored under: low, mid, high.
        modelled: Whether it hangs on an assumed power curve: drawn hatched, and labelled.
        energy_kwh, carbon_kg, carbon_marginal_kg: Change over the hours, negative = saved; None where not known.
        energy_low_kwh, …: Ends of the paired 95 % interval; None with one hour.
        hours: Hours that both policies ran in, over which the change is.
        from_energy_kwh, from_carbon_kg: Sums of the policy before it over those hours.
    """

    layer: str
    from_policy: str
    to_policy: str
    power_model: str
    modelled: bool
    energy_kwh: float
    energy_low_kwh: float | None
    energy_high_kwh: float | None
    carbon_kg: float | None
    carbon_low_kg: float | None
    carbon_high_kg: float | None
    carbon_marginal_kg: float | None
    hours: int
    from_energy_kwh: float
    from_carbon_kg: float | None


@dataclass(frozen=True)
class BoundRow:
    """What no policy that serves all requests of an hour can be below: least energy, and (another solution) carbon."""

    hour: str
    scenario: str
    energy_kwh: float
    carbon_kg: float | None
    carbon_marginal_kg: float | None


@dataclass(frozen=True)
class GapClosed:
    """η = (strongest - FREESH) / (strongest - bound) of one ledger, over the hours that have a bound.

    Attributes:
        ledger: energy or carbon.
        outside: Whether the strongest was looked for among those only that are not FREESH with a part left out.
        strongest: The baseline that has least of this ledger at equal SLO.
        share: η; None where the bound is no better.
        sums: Of the strongest baseline, of FREESH and of the bound, kWh or kg CO2e.
    """

    ledger: str
    outside: bool
    strongest: str
    share: Estimate | None
    sums: tuple[float, ...]


@dataclass(frozen=True)
class HourRow:
    """One hour of the evaluation.

    Attributes:
        hour: Its name.
        scenario: Kind of grids.
        starts_at: When, UTC.
        workload: Whose requests, in a few words.
        grid_zones: Of the locations, in order.
        source: Where the requests come from, with licence.
        scaling: How their rate was brought to what is asked; empty = as recorded.
        dispersion_before, dispersion_after: Index of dispersion of arrivals at 1 s, as recorded and as run.
        fleet: What they ran on.
        carbon: Where intensities come from.
        power: Where watts come from.
        priced: Locations whose price is known.
        notes: What is worth knowing of it, a sentence each.
    """

    hour: str
    scenario: str
    starts_at: str
    workload: str
    grid_zones: tuple[str, ...]
    source: str = ""
    scaling: str = ""
    dispersion_before: float | None = None
    dispersion_after: float | None = None
    fleet: str = ""
    carbon: str = ""
    power: str = ""
    priced: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Summary:
    """What was run, and what it says. Simulated: times and watts come from models of engines.

    Attributes:
        command: That made it, as typed.
        version: Of the project.
        made_at: ISO 8601, UTC.
        inputs: Name to SHA-256 of each file that was read.
        fleet, workload, carbon, prices, power: What each is and where it comes from, a sentence or two each.
        reference, freesh: Names of the policies that are compared in the first sentence.
        policies: Name to what it is, in a sentence; in the order of tables.
        hours: Which hours.
        seeds: Of what is random.
        comparisons: Every policy, over all hours, and by kind of grids.
        gaps: How much of what can be had FREESH has, against the strongest baselines at equal SLO.
        notes: Honest limits that only the run knows, a sentence each.
    """

    command: str
    version: str
    made_at: str
    inputs: Mapping[str, str]
    fleet: str
    workload: str
    carbon: str
    prices: str
    power: str
    reference: str
    freesh: str
    policies: Mapping[str, str]
    hours: tuple[HourRow, ...]
    seeds: tuple[int, ...]
    comparisons: tuple[Comparison, ...]
    gaps: tuple[GapClosed, ...]
    notes: tuple[str, ...] = field(default=())
