"""Where an hour's requests come from: the users near each location, by how many they are and by their time of day."""

from collections.abc import Mapping
from datetime import timedelta

from models.evaluate.hours import LOCATIONS, Hour
from models.sources.workload.diurnal import DAY_S, factor_at

USERS = (0.35, 0.40, 0.25)
"""Assumed shares of users near the three locations, about those of their GPUs in the fleet that is evaluated."""

UTC_OFFSET_H: Mapping[str, float] = {
    "CISO": -8, "ERCO": -6, "ISNE": -5, "PJM": -5, "SE": 1,
    "AU-NSW": 10, "AU-VIC": 10, "CL-SEN": -4, "DE": 1, "GB": 0, "KR": 9, "US-CAL-CISO": -8, "US-MIDA-PJM": -5,
    "US-TEX-ERCO": -6, "ZA": 2,
}  # fmt: skip
"""Standard time of the zones, hours ahead of UTC; summer time is left out, other zones are at UTC."""


def local_s(hour: Hour, location: int) -> float:
    """Seconds after local midnight at an hour's start, at a location by its place in `LOCATIONS`."""
    local = hour.start + timedelta(hours=UTC_OFFSET_H.get(hour.zones[location], 0.0))
    return local.timestamp() % DAY_S


def origin_shares(hour: Hour) -> dict[str, float]:
    """Origin to share of the requests, held over the hour: users x the day's factor at their local half hour."""
    weights = [users * float(factor_at(local_s(hour, place) + 1_800)) for place, users in enumerate(USERS)]
    return {name: weight / sum(weights) for name, weight in zip(LOCATIONS, weights, strict=True)}
