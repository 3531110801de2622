"""Carbon and prices of an hour's three grids with their history, as series."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from models.evaluate.hours import Hour
from models.evaluate.public_grids import dacf_carbon, day_ahead_prices, zones_carbon
from models.forecast.grid import Grid, to_grid
from models.sources.rows import CARBON
from models.sources.synthetic import PUBLISHING, SyntheticCarbon


@dataclass(frozen=True)
class HourGrids:
    """Zone to series; one that is not known of a zone is absent.

    Attributes:
        average: Average direct intensity, g/kWh: all zones.
        marginal: Estimated marginal intensity, g/kWh, signed.
        prices: USD/MWh.
    """

    average: Mapping[str, Grid]
    marginal: Mapping[str, Grid] = field(default_factory=dict)
    prices: Mapping[str, Grid] = field(default_factory=dict)


def synthetic_grids(hour: Hour) -> HourGrids:
    """Three weeks of the synthetic zones, to a day after the hour."""
    end = hour.start + timedelta(days=1)
    fetched = SyntheticCarbon(hour.seed).fetch(hour.zones, hour.start - PUBLISHING.history, end, cut_off=end)
    average = {}
    for zone, rows in fetched.rows.groupby("zone"):
        values = rows.set_index("time")[[CARBON]].rename(columns={CARBON: "value"})
        average[str(zone)] = to_grid(values, str(zone))
    return HourGrids(average)


def public_grids(hour: Hour, folder: Path) -> HourGrids:
    """Of the public data set that the hour names.

    Raises:
        SourceError: it is missing or has not all of the zones.
    """
    read = dacf_carbon if hour.carbon_data == "dacf" else zones_carbon
    carbon = read(folder, hour.zones, hour.start)
    return HourGrids(carbon.average, carbon.marginal, day_ahead_prices(folder, hour.zones, hour.start))
