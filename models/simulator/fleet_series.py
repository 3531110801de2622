"""Rows of a run by location and slot."""

from dataclasses import asdict
from math import ceil

from models.simulator.energy_books import Cell
from models.simulator.fleet_record import FleetRecord
from models.simulator.fleet_rows import RunNames
from models.simulator.run_scores import SeriesRow
from models.simulator.signals import SLOT_S, value_at


def series_rows(run: FleetRecord, names: RunNames) -> list[SeriesRow]:
    """One row a location and slot of the workload, by time; what comes after the workload has no row."""
    slots = ceil(run.duration_s / SLOT_S)
    return [_row(run, names, location.name, slot) for slot in range(slots) for location in run.fleet.locations]


def _row(run: FleetRecord, names: RunNames, location: str, slot: int) -> SeriesRow:
    cell: Cell = run.books.cell(location, slot)
    length_s = min(SLOT_S, run.duration_s - slot * SLOT_S)
    ready_s = cell.ready_s
    return SeriesRow(
        **asdict(names),
        start_s=float(slot * SLOT_S),
        location=location,
        power_w=cell.site_j * run.fleet.by_name[location].pue / length_s,
        carbon_gco2e_per_kwh=value_at(run.signals.average_gco2e_per_kwh, location, slot),
        marginal_gco2e_per_kwh=value_at(run.signals.marginal_gco2e_per_kwh, location, slot),
        served_rps=cell.served / length_s,
        instances=ready_s / length_s,
        busy_share=cell.busy_s / ready_s if ready_s else 0.0,
        sm_clock_mhz=cell.clock_mhz_s / ready_s if ready_s else 0.0,
    )
