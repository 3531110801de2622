"""What a kilowatt-hour emits and costs at each location, by slots of five minutes from the start of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from freesh_plugin.core.units import STEP_S

Slots = Mapping[str, Sequence[float | None]]
"""By location: the value of each slot, None where it is not known; a location that is not named is not known."""


@dataclass(frozen=True)
class Signals:
    """Signals that a run is scored by; never shown to whom decides.

    A slot after the last one has the last one's value: the few requests that outlast a workload are booked there.

    Attributes:
        average_gco2e_per_kwh: Average intensity.
        marginal_gco2e_per_kwh: Marginal intensity, signed.
        usd_per_mwh: Price, signed.
    """

    average_gco2e_per_kwh: Slots = field(default_factory=dict)
    marginal_gco2e_per_kwh: Slots = field(default_factory=dict)
    usd_per_mwh: Slots = field(default_factory=dict)


SLOT_S = STEP_S
"""Length of a slot, seconds."""


def value_at(signal: Slots, location: str, slot: int) -> float | None:
    """Value of a signal at a location in a slot; None where it is not known."""
    values = signal.get(location, ())
    return values[min(slot, len(values) - 1)] if values else None
