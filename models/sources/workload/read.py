"""One reader for all kinds of recorded requests."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import dropwhile, takewhile
from pathlib import Path

import numpy as np

from freesh_plugin.core.errors import ConfigError, SourceError
from models.domain.workload import Workload, WorkloadRequest
from models.sources.scenario.spot import nearest
from models.sources.workload import azure
from models.sources.workload.dispersion import SecondCounts
from models.sources.workload.dressing import Dress, dressed
from models.sources.workload.synthetic import MAX_NEW_TOKENS


@dataclass(frozen=True)
class ReadSettings:
    """What is taken of a trace, and what is added to it.

    Attributes:
        start_s: Start, seconds after the trace's first request.
        duration_s: Length; None = to the end.
        max_new_tokens: Most tokens of an answer, where the trace does not say; longer answers end there.
        dress: Clients, origins and predicted lengths.
    """

    start_s: float = 0.0
    duration_s: float | None = None
    max_new_tokens: int = MAX_NEW_TOKENS
    dress: Dress = field(default_factory=Dress)

    def __post_init__(self) -> None:
        if not self.start_s >= 0:
            raise ConfigError(f"start_s of a workload is {self.start_s:g}, must be at least 0")
        if self.duration_s is not None and not self.duration_s > 0:
            raise ConfigError(f"duration_s of a workload is {self.duration_s:g}, must be above 0")
        if not self.max_new_tokens >= 1:
            raise ConfigError(f"max_new_tokens is {self.max_new_tokens}, must be at least 1")


Requests = Callable[[], Iterator[WorkloadRequest]]


def read_workload(kind: str, path: Path, settings: ReadSettings | None = None) -> Workload:
    """The requests of a trace, all of them checked.

    Args:
        kind: One of `KINDS`.
        path: The file, or for Azure the folder of several, which are merged.
        settings: What is taken and what is added.

    Raises:
        ConfigError: an unknown kind.
        SourceError: the trace is missing, wrong, or has no request in the time that is asked for.
    """
    if kind not in KINDS:
        raise ConfigError(f"kind of workload {kind!r} is unknown{nearest(kind, list(KINDS))}")
    chosen = settings or ReadSettings()
    return dressed(KINDS[kind](path, chosen), chosen.dress)


def _azure(path: Path, settings: ReadSettings) -> Workload:
    files = azure.azure_files(path)
    return _recorded(
        ", ".join(each.name.removeprefix("AzureLLMInferenceTrace_") for each in files),
        azure.SOURCE,
        lambda: azure.azure_requests(files, settings.max_new_tokens),
        settings,
    )


KINDS: dict[str, Callable[[Path, ReadSettings], Workload]] = {"azure": _azure}
"""Kinds of traces by name."""


def _recorded(name: str, source: str, requests: Requests, settings: ReadSettings) -> Workload:
    """The part that is asked for; its length and dispersion are found by reading it once."""

    def part() -> Iterator[WorkloadRequest]:
        return _part(requests(), settings)

    counts, last_s = SecondCounts(), 0.0
    for request in part():
        last_s = request.arrival_s
        counts.add(np.array([last_s]))
    if not counts.total:
        raise SourceError(f"{name}: no request from {settings.start_s:g} s on for {settings.duration_s or 0:g} s")
    duration_s = settings.duration_s or last_s
    index = counts.index(duration_s)
    return Workload(name, source, duration_s, part, dispersion_before=index, dispersion_after=index)


def _part(requests: Iterator[WorkloadRequest], settings: ReadSettings) -> Iterator[WorkloadRequest]:
    start_s = settings.start_s
    if start_s:
        later = dropwhile(lambda each: each.arrival_s < start_s, requests)
        requests = (replace(each, arrival_s=each.arrival_s - start_s) for each in later)
    if settings.duration_s is None:
        return requests
    end_s = settings.duration_s
    return takewhile(lambda each: each.arrival_s < end_s, requests)
