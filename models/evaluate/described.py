"""An hour in words, for a report: requests, fleet, grids, power."""

from models.domain.scenario import Location
from models.evaluate.cell import Cell
from models.evaluate.outcome_rows import HourRow
from models.evaluate.site import Site

CARBON = {
    "dacf": "DACF (carbonfirst/DACF, Apache-2.0), hourly, direct",
    "zones": "Electricity Maps by sustain-cluster (MIT), hourly, direct",
    "synthetic": "synthetic",
    "own": "the operator's own table",
}
"""What `Hour.carbon_data` stands for."""


def described(cell: Cell) -> HourRow:
    """The hour of a cell."""
    data = cell.data
    hour, workload = data.hour, data.workload
    return HourRow(
        hour=hour.name,
        scenario=hour.kind.value,
        starts_at=f"{hour.start:%Y-%m-%d %H:%M}",
        workload=workload.name,
        grid_zones=hour.zones,
        source=workload.source,
        scaling=workload.scaling,
        dispersion_before=workload.dispersion_before,
        dispersion_after=workload.dispersion_after,
        fleet=fleet_words(cell.site),
        carbon=CARBON.get(hour.carbon_data, hour.carbon_data),
        power=power_words(cell.site),
        priced=sum(each in data.prices for each in hour.zones),
        notes=data.notes,
    )


def fleet_words(site: Site) -> str:
    """Locations with their GPUs, overheads and what is counted."""
    return "; ".join(_location(each) for each in site.scenario.locations)


def power_words(site: Site) -> str:
    """The power model and where its constants come from."""
    sources = dict.fromkeys(each.power.source for each in site.fleet.engines.values())
    return f"power model “{site.power_model}”: {'; '.join(sources)}"


def _location(location: Location) -> str:
    gpus = ", ".join(f"{count} {kind}" for kind, count in location.gpus.items() if count)
    hosts = f", hosts {location.host_power_w:g} W" if location.host_power_w else ", hosts not counted"
    locked = "" if location.allowed_origins is None else f", serves {', '.join(location.allowed_origins)} alone"
    return f"{location.name}: {gpus}, PUE {location.pue:g}{hosts}{locked}"
