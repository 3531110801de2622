"""Lengths of past requests, merged where they are alike, so that capacities are quick to derive."""

from collections.abc import Iterable, Sequence
from itertools import islice, pairwise

from freesh_plugin.core.request import CellGrid, Partition, interval
from models.domain.lengths import RequestLength
from models.domain.workload import Workload, WorkloadRequest

REQUESTS = 5_000
"""So many requests are looked at."""

SIDE = 4
"""In each cell of all boundaries, so many even shares of the prompts, and of the answers of each: 16 lengths."""


def length_sample(workload: Workload, partitions: Iterable[Partition]) -> tuple[RequestLength, ...]:
    """Joint sample of prompt and answer of the first requests; none of it lies across a partition's boundary."""
    grid = CellGrid.refining(partitions)
    cells: dict[tuple[int, int], list[WorkloadRequest]] = {}
    for each in islice(workload.requests(), REQUESTS):
        key = (interval(grid.prompt_tokens, each.prompt_tokens), interval(grid.answer_tokens, each.answer_tokens))
        cells.setdefault(key, []).append(each)
    return tuple(length for _, own in sorted(cells.items()) for length in _merged(own))


def _merged(requests: Sequence[WorkloadRequest]) -> Iterable[RequestLength]:
    by_prompt = sorted(requests, key=lambda each: (each.prompt_tokens, each.answer_tokens))
    for alike in _parts(by_prompt):
        for part in _parts(sorted(alike, key=lambda each: each.answer_tokens)):
            yield RequestLength(
                sum(each.prompt_tokens for each in part) / len(part),
                sum(each.answer_tokens for each in part) / len(part),
                len(part),
            )


def _parts(requests: Sequence[WorkloadRequest]) -> Iterable[Sequence[WorkloadRequest]]:
    """At most `SIDE` parts of about equal size."""
    edges = [round(k * len(requests) / SIDE) for k in range(SIDE + 1)]
    return [requests[a:b] for a, b in pairwise(edges) if b > a]
