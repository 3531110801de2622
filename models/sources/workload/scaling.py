"""Brings recorded requests to another rate by a named method, and says what that did to how uneven arrivals are."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from heapq import merge
from itertools import chain, dropwhile, islice, takewhile
from operator import attrgetter

import numpy as np

from freesh_plugin.core.errors import ConfigError
from models.domain.workload import Workload, WorkloadRequest
from models.sources.seeded_noise import uniform
from models.sources.workload.dispersion import SecondCounts


class Method(StrEnum):
    """How a rate is changed."""

    THINNED = "thinned"
    """Each session (each request without one) stays with a probability; bursts are thinned with the rest."""
    COPIES = "copies"
    """Copies of the whole, rotated in time against each other, which evens bursts out; the last one may be thinned."""
    COMPRESSED = "compressed"
    """Time is divided by the factor, which keeps the counts of each burst and shortens it."""


@dataclass(frozen=True)
class Scaling:
    """What is asked.

    Attributes:
        method: How.
        factor: Times the rate; None = what brings the mean rate to `rate_rps`.
        rate_rps: Mean rate that is asked for; one of the two must be given.
        seed: Of what is left out.
    """

    method: Method
    factor: float | None = None
    rate_rps: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.factor is None) == (self.rate_rps is None):
            raise ConfigError("scaling needs either a factor or a rate_rps")
        if not (self.factor or self.rate_rps or 0.0) > 0:
            raise ConfigError(f"scaling by {self.factor or self.rate_rps or 0:g}, must be above 0")


def scaled(workload: Workload, scaling: Scaling) -> Workload:
    """The workload at another rate.

    Raises:
        ConfigError: the method cannot reach the rate: thinning only lowers, copies only raise it.
    """
    before = _counted(workload)
    factor = scaling.factor or (scaling.rate_rps or 0.0) * workload.duration_s / before.total
    if factor == 1:
        return workload
    changed = _METHODS[scaling.method](workload, factor, scaling.seed)
    index = workload.dispersion_before
    return replace(
        changed,
        scaling=", ".join(filter(None, (workload.scaling, f"{scaling.method} x {factor:.4g}"))),
        dispersion_before=before.index(workload.duration_s) if index is None else index,
        dispersion_after=_counted(changed).index(changed.duration_s),
    )


def _thinned(workload: Workload, factor: float, seed: int) -> Workload:
    if factor > 1:
        raise ConfigError(f"thinned by {factor:g}: thinning only lowers a rate; use copies or compressed")
    return replace(workload, requests=lambda: _kept(workload.requests(), factor, seed))


def _copies(workload: Workload, factor: float, seed: int) -> Workload:
    if factor < 1:
        raise ConfigError(f"{factor:g} copies: copies only raise a rate; use thinned or compressed")
    number = int(np.ceil(factor - 1e-9))

    def requests() -> Iterator[WorkloadRequest]:
        copies = [_copy(workload, copy, number) for copy in range(number)]
        copies[-1] = _kept(copies[-1], factor - (number - 1), seed)
        return merge(*copies, key=attrgetter("arrival_s"))

    return replace(workload, requests=requests)


def _compressed(workload: Workload, factor: float, seed: int) -> Workload:
    return replace(
        workload,
        duration_s=workload.duration_s / factor,
        requests=lambda: (replace(each, arrival_s=each.arrival_s / factor) for each in workload.requests()),
    )


_METHODS: dict[Method, Callable[[Workload, float, int], Workload]] = {
    Method.THINNED: _thinned,
    Method.COPIES: _copies,
    Method.COMPRESSED: _compressed,
}
_BLOCK = 4096


def _kept(requests: Iterator[WorkloadRequest], share: float, seed: int) -> Iterator[WorkloadRequest]:
    first = 0
    while block := list(islice(requests, _BLOCK)):
        sessions = np.array([each.session for each in block], dtype=np.int64)
        keys = np.where(sessions > 0, sessions, -1 - first - np.arange(len(block)))
        stays = uniform(keys, f"{seed} thinned") <= share
        yield from (request for request, stay in zip(block, stays, strict=True) if stay)
        first += len(block)


def _copy(workload: Workload, copy: int, number: int) -> Iterator[WorkloadRequest]:
    """The copy's requests in order: those from its turning point on come first, and the others after them."""
    turn_s = workload.duration_s * copy / number
    later = dropwhile(lambda each: each.arrival_s < turn_s, workload.requests())
    earlier = takewhile(lambda each: each.arrival_s < turn_s, workload.requests())
    shifted = chain(
        ((each, each.arrival_s - turn_s) for each in later),
        ((each, each.arrival_s - turn_s + workload.duration_s) for each in earlier),
    )
    for each, arrival_s in shifted:
        yield replace(
            each, arrival_s=arrival_s, session=each.session * number + copy if each.session else 0,
            prefix=tuple(name * number + copy for name in each.prefix),
        )  # fmt: skip


def _counted(workload: Workload) -> SecondCounts:
    counts, requests = SecondCounts(), workload.requests()
    while block := list(islice(requests, _BLOCK)):
        counts.add(np.array([each.arrival_s for each in block]))
    return counts
