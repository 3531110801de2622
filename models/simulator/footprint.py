"""Carbon by both ledgers, and cost, of a run; not known where a signal of a slot that drew energy is not."""

from collections.abc import Callable
from dataclasses import dataclass

from freesh_plugin.core.units import JOULES_PER_KWH, grams
from models.simulator.fleet_record import FleetRecord
from models.simulator.signals import Slots, value_at

_G_PER_KG = 1000.0
_KWH_PER_MWH = 1000.0


@dataclass(frozen=True)
class Footprint:
    """At the wall; named as in `RunScores`."""

    carbon_kg: float | None
    carbon_marginal_kg: float | None
    carbon_marginal_signed_kg: float | None
    cost_usd: float | None


def footprint(run: FleetRecord) -> Footprint:
    """What a run's energy emitted and cost."""
    signals = run.signals
    return Footprint(
        _sum(run, signals.average_gco2e_per_kwh, _kg),
        _sum(run, signals.marginal_gco2e_per_kwh, lambda joules, value: _kg(joules, max(value, 0.0))),
        _sum(run, signals.marginal_gco2e_per_kwh, _kg),
        _sum(run, signals.usd_per_mwh, lambda joules, value: joules / JOULES_PER_KWH / _KWH_PER_MWH * value),
    )


def _kg(joules: float, gco2e_per_kwh: float) -> float:
    return grams(joules, gco2e_per_kwh) / _G_PER_KG


def _sum(run: FleetRecord, signal: Slots, of: Callable[[float, float], float]) -> float | None:
    total = 0.0
    for location, slot, cell in run.books.cells():
        joules = cell.site_j * run.fleet.by_name[location].pue
        if joules:
            value = value_at(signal, location, slot)
            if value is None:
                return None
            total += of(joules, value)
    return total
