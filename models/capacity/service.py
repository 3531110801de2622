"""The largest rate at which one instance keeps a class's bounds, and which of them binds there."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import inf

from models.capacity.steady import Steady
from models.capacity.work import ClassWork, Places

QUANTILE = 0.95
"""Share of the requests that keep each bound; the governor of the clock looks at the same quantile."""

MOST_LOAD = 0.9
"""Largest share of the saturated rate that counts as capacity.

Beyond it waits grow without limit, and so does what an error of a few percent in the profile does to them.
"""

LOAD_WITHOUT_BOUNDS = 0.7
"""Share of the saturated rate that counts as capacity where no service level is given."""

_LEAST = 1e-6
_HALVINGS = 24
_STEP = 2.0**-_HALVINGS


class Bind(StrEnum):
    """What keeps the capacity from being larger."""

    KV_MEMORY = Places.KV_MEMORY.value
    MAX_BATCH = Places.MAX_BATCH.value
    MEASURED = Places.MEASURED.value
    TTFT = "TTFT"
    TBT = "TBT"
    LATENCY = "latency"
    SATURATION = "saturation"


@dataclass(frozen=True)
class Bounds:
    """Largest latency, TTFT and TBT, seconds; infinite where none is given."""

    latency_s: float = inf
    ttft_s: float = inf
    tbt_s: float = inf

    @property
    def most_load(self) -> float:
        """Share of the saturated rate that is never passed."""
        return LOAD_WITHOUT_BOUNDS if self == Bounds() else MOST_LOAD


@dataclass(frozen=True)
class Served:
    """What one instance serves of one class.

    Attributes:
        capacity_rps: Largest rate at which all bounds hold; 0 where they do not even hold for a lone request.
        bind: The bound that the next larger rate breaks.
        latency_s: Latency at capacity that `quantile` of the requests keep; of a lone request where capacity is 0.
        ttft_s: TTFT likewise.
        tbt_s: TBT likewise.
        mean_batch: Requests that decode at once at capacity, on average.
        full_power_w: Mean power at capacity.
        idle_power_w: Power with the model loaded and nothing to do.
        quantile: Share of the requests that keep the bounds.
        work: What the class asks of the instance.
    """

    capacity_rps: float
    bind: Bind
    latency_s: float
    ttft_s: float
    tbt_s: float
    mean_batch: float
    full_power_w: float
    idle_power_w: float
    quantile: float
    work: ClassWork

    def power_w(self, load: float) -> float:
        """Mean power at this share of the capacity."""
        return Steady(self.work, load * self.capacity_rps).power_w


def serve(work: ClassWork, bounds: Bounds, quantile: float = QUANTILE) -> Served:
    """The largest rate at which the bounds hold.

    Every share of late requests grows with the rate, so the rate is found by halving an interval.
    """
    most = bounds.most_load * work.saturation_rps
    least = _LEAST * most
    capacity = 0.0 if any(_broken(Steady(work, least), bounds, quantile)) else _largest(work, bounds, quantile, most)
    at = Steady(work, max(capacity, least))
    beyond = Steady(work, min(at.rate_rps + 2 * most * _STEP, most))
    return Served(
        capacity_rps=capacity,
        bind=next(_broken(beyond, bounds, quantile), Bind.SATURATION),
        latency_s=_kept(at.latency_at(quantile), bounds.latency_s, capacity),
        ttft_s=_kept(at.ttft_at(quantile), bounds.ttft_s, capacity),
        tbt_s=_kept(at.tbt_at(quantile), bounds.tbt_s, capacity),
        mean_batch=at.mean_batch if capacity else 0.0,
        full_power_w=at.power_w if capacity else work.idle_power_w,
        idle_power_w=work.idle_power_w,
        quantile=quantile,
        work=work,
    )


def _kept(seconds: float, bound_s: float, capacity_rps: float) -> float:
    """What was found by halving, without the last digits that would break a bound which holds."""
    return min(seconds, bound_s) if capacity_rps else seconds


def _largest(work: ClassWork, bounds: Bounds, quantile: float, most_rps: float) -> float:
    if not any(_broken(Steady(work, most_rps), bounds, quantile)):
        return most_rps
    low, high = 0.0, most_rps
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if any(_broken(Steady(work, middle), bounds, quantile)) else (middle, high)
    return low


def _broken(steady: Steady, bounds: Bounds, quantile: float) -> Iterator[Bind]:
    """Bounds that more than 1 - quantile of the requests break; `any` of it stops at the first.

    Where more than that find no place at once, it is the places that bind.
    """
    late, work = 1 - quantile, steady.work
    crowded = Bind(work.places_by.value) if steady.full_share > late else None
    if work.misfits > late:
        yield Bind.KV_MEMORY
    if steady.late_ttft(bounds.ttft_s) > late:
        yield crowded or Bind.TTFT
    if steady.late_tbt(bounds.tbt_s) > late:
        yield Bind.TBT
    if steady.late_latency(bounds.latency_s) > late:
        yield crowded or Bind.LATENCY
