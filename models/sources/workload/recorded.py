"""A part of a trace of single requests as a workload, wholly read once so that every row has been checked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import dropwhile, islice, takewhile

import numpy as np

from freesh_plugin.core.errors import SourceError
from models.domain.workload import Workload, WorkloadRequest
from models.sources.workload.dispersion import SecondCounts

_BLOCK = 4096
_MOST_KEPT = 100_000
"""A part of so many requests is kept in memory, some 40 MB; a longer one is read anew each time."""


class NoRequestsError(SourceError):
    """A trace that has no request in the part that is asked for."""


@dataclass(frozen=True)
class Trace:
    """Recorded requests.

    Attributes:
        name: What it is.
        source: Where it comes from, with licence.
        requests: Gives its requests, by arrival.
    """

    name: str
    source: str
    requests: Callable[[], Iterator[WorkloadRequest]]


def recorded(trace: Trace, start_s: float, duration_s: float | None) -> Workload:
    """The part from `start_s` on, which becomes 0; its dispersion, and its length where none is asked for, are found.

    Raises:
        SourceError: a row is wrong.
        NoRequestsError: no request is in the part.
    """

    def part() -> Iterator[WorkloadRequest]:
        return _part(trace.requests(), start_s, duration_s)

    counts, last_s, requests = SecondCounts(), 0.0, part()
    kept: list[WorkloadRequest] = []
    while block := list(islice(requests, _BLOCK)):
        counts.add(np.array([each.arrival_s for each in block]))
        last_s = block[-1].arrival_s
        kept = [*kept, *block] if counts.total <= _MOST_KEPT else []
    if not counts.total:
        until = "" if duration_s is None else f" to {start_s + duration_s:g} s"
        raise NoRequestsError(f"{trace.name}: no request from {start_s:g} s{until}")
    index = counts.index(duration_s or last_s)
    return Workload(
        trace.name, trace.source, duration_s or last_s, (lambda: iter(kept)) if kept else part,
        dispersion_before=index, dispersion_after=index,
    )  # fmt: skip


def _part(requests: Iterator[WorkloadRequest], start_s: float, duration_s: float | None) -> Iterator[WorkloadRequest]:
    if start_s:
        later = dropwhile(lambda each: each.arrival_s < start_s, requests)
        requests = (replace(each, arrival_s=each.arrival_s - start_s) for each in later)
    if duration_s is None:
        return requests
    return takewhile(lambda each: each.arrival_s < duration_s, requests)
