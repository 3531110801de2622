"""The bound of an hour as a row: the least energy, and the least carbon of either ledger, that its requests need."""

from collections.abc import Mapping, Sequence
from math import ceil

from models.evaluate.bound import least, work_of
from models.evaluate.bound_program import Weights
from models.evaluate.cell import Cell, signals_of
from models.evaluate.outcome_rows import BoundRow
from models.simulator.signals import SLOT_S

GRAMS_PER_KG = 1_000.0


def bounded(cell: Cell) -> BoundRow:
    """Solve three programs: each is a bound on one figure alone.

    Raises:
        AllocationError: some origin may be served nowhere.
    """
    fleet, signals = cell.site.fleet, signals_of(cell)
    duration_s = cell.data.workload.duration_s
    slots = max(ceil(duration_s / SLOT_S), 1)
    last_s = duration_s - (slots - 1) * SLOT_S
    work = work_of(cell.data.workload.requests(), slots)

    def of(weights: Weights | None) -> float | None:
        return None if weights is None else least(fleet, work, weights, slots, last_s=last_s).objective

    ones = {each.name: [1.0] * slots for each in fleet.locations}
    names = [each.name for each in fleet.locations]
    return BoundRow(
        hour=cell.data.hour.name,
        scenario=cell.data.hour.kind.value,
        energy_kwh=least(fleet, work, ones, slots, last_s=last_s).objective,
        carbon_kg=of(_kg_per_kwh(signals.average_gco2e_per_kwh, names, slots)),
        carbon_marginal_kg=of(_kg_per_kwh(signals.marginal_gco2e_per_kwh, names, slots)),
    )


def _kg_per_kwh(
    signal: Mapping[str, Sequence[float | None]], names: Sequence[str], slots: int
) -> dict[str, list[float]] | None:
    """By location and slot, negative intensities as 0; None where one is not known."""
    found: dict[str, list[float]] = {}
    for name in names:
        known = [value for value in signal.get(name, ()) if value is not None]
        if len(known) < slots:
            return None
        found[name] = [max(value, 0.0) / GRAMS_PER_KG for value in known[:slots]]
    return found
