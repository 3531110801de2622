"""What a trace does not say of its requests: whose they are, where they come from, how long their answer is thought."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.lengths import AnswerLength
from models.domain.workload import Workload, WorkloadRequest
from models.sources.seeded_noise import uniform
from models.sources.workload.estimates import Estimates, Predicted, predictor

CLIENTS = 20
"""Clients that are made where a trace has none."""

_BLOCK = 4096


@dataclass(frozen=True)
class Dress:
    """What is added to requests, the same for every policy.

    Attributes:
        seed: Of what is random.
        clients: How many are made, the k-th with a share proportional to 1/k (Zipf); 0 = as the trace has them.
        origins: Origin to share; empty = as the trace has them.
        predicted: How answer lengths are predicted.
        length_error: sigma of the lognormal error, where they are predicted by one.
    """

    seed: int = 0
    clients: int = CLIENTS
    origins: Mapping[str, float] | None = None
    predicted: Predicted = Predicted.WITH_ERROR
    length_error: float = 0.5

    def __post_init__(self) -> None:
        if self.clients < 0:
            raise ConfigError(f"{self.clients} clients, must be at least 0")
        for name, share in (self.origins or {}).items():
            if not share >= 0:
                raise ConfigError(f"origin {name!r} has a share of {share:g}, must be at least 0")
        if self.origins and not sum(self.origins.values()) > 0:
            raise ConfigError("the shares of all origins are 0")
        if not self.length_error >= 0:
            raise ConfigError(f"length_error is {self.length_error:g}, must be at least 0")


def dressed(workload: Workload, dress: Dress) -> Workload:
    """The workload with clients, origins and predictions; a session keeps its client and origin."""
    return replace(
        workload,
        requests=lambda: _requests(workload, dress),
        length_error=None if dress.predicted is Predicted.BY_QUANTILES else predictor(dress).error,
    )


def _requests(workload: Workload, dress: Dress) -> Iterator[WorkloadRequest]:
    source, first, estimates = workload.requests(), 0, predictor(dress)
    while block := list(islice(source, _BLOCK)):
        yield from _dressed(block, first, dress, estimates)
        first += len(block)


def _dressed(block: list[WorkloadRequest], first: int, dress: Dress, estimates: Estimates) -> Iterator[WorkloadRequest]:
    sessions = np.array([each.session for each in block], dtype=np.int64)
    # A session's number decides for all its requests; a request without one goes by its own number.
    keys = np.where(sessions > 0, sessions, -1 - first - np.arange(len(block)))
    clients = _clients(block, keys, dress)
    origins = _origins(block, keys, dress)
    for request, client, origin in zip(block, clients, origins, strict=True):
        yield WorkloadRequest(
            request.arrival_s, request.prompt_tokens, request.answer_tokens, request.max_new_tokens,
            estimates.of(request, client), origin, client, request.session, request.prefix, request.tier,
            request.model,
        )  # fmt: skip


def _clients(block: list[WorkloadRequest], keys: np.ndarray, dress: Dress) -> list[int]:
    if not dress.clients:
        return [each.client for each in block]
    shares = 1 / np.arange(1, dress.clients + 1)
    return [int(each) for each in _picked(keys, shares, f"{dress.seed} client")]


def _origins(block: list[WorkloadRequest], keys: np.ndarray, dress: Dress) -> list[str]:
    if not dress.origins:
        return [each.origin for each in block]
    names = list(dress.origins)
    picked = _picked(keys, np.array([dress.origins[name] for name in names]), f"{dress.seed} origin")
    return [names[index] for index in picked]


def _picked(keys: np.ndarray, shares: np.ndarray, seed: str) -> np.ndarray:
    """An index for each key, each with its share, from the key and the seed alone."""
    edges = np.cumsum(shares / shares.sum())
    return np.minimum(np.searchsorted(edges, uniform(keys, seed)), len(edges) - 1)


def exact(answer_tokens: int) -> AnswerLength:
    """What a request has before it is dressed: its true length."""
    return AnswerLength(float(answer_tokens), float(answer_tokens))
