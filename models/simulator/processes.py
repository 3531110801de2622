"""Runs that do not depend on each other, on all cores."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def done_by_all(
    work: Callable[[Job], Result], jobs: Sequence[Job], told: Callable[[int], None] | None = None
) -> list[Result]:
    """Results of all jobs, in their order; `told` how many are done. `work` is a function of a module."""
    results = []
    for done, each in enumerate(_results(work, jobs), start=1):
        results.append(each)
        if told is not None:
            told(done)
    return results


def _results(work: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
    workers = min(os.cpu_count() or 1, len(jobs))
    if workers < 2 or len(jobs) < _WORTH_PROCESSES:
        yield from map(work, jobs)
        return
    # Spawned, not forked: the parent may have threads (a progress bar).
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, jobs, chunksize=4)


_WORTH_PROCESSES = 8
