"""Lengths for arrivals that have none: pairs of a trace drawn again, or quantiles by client and time of day."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import SourceError
from models.domain.workload import WorkloadRequest

MOST_PAIRS = 200_000
"""Pairs of a longer trace are taken from its beginning."""

LEVELS = {
    "p05": 0.05, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999,
}  # fmt: skip
SPAN_S = 21_600
"""Length of the windows that ServeGen states quantiles for."""


class LengthDraws(Protocol):
    """Draws prompts and answers."""

    name: str
    """Whose lengths they are."""

    def draw(self, random: np.random.Generator, times_s: np.ndarray, clients: np.ndarray) -> np.ndarray:
        """Tokens of arrivals at times of the trace from clients, shape (2, request): prompts, answers."""
        ...


class PairsOfTrace:
    """Prompt and answer of a request of a trace, drawn together, whatever the time and client."""

    def __init__(self, requests: Iterable[WorkloadRequest], name: str) -> None:
        pairs = [(each.prompt_tokens, each.answer_tokens) for each in islice(requests, MOST_PAIRS)]
        self._pairs = np.array(pairs, dtype=np.int64).T
        self.name = name

    def draw(self, random: np.random.Generator, times_s: np.ndarray, clients: np.ndarray) -> np.ndarray:
        """See `LengthDraws`."""
        return self._pairs[:, random.integers(self._pairs.shape[1], size=len(times_s))]


class QuantilesOfClients:
    """ServeGen's quantiles of a client's prompts and answers in the window of six hours that is nearest.

    Straight lines between the logarithms of the quantiles, the outermost ones beyond; prompt and answer independent.
    Clients without a table take another source's lengths.
    """

    def __init__(self, path: Path, series: str, otherwise: LengthDraws) -> None:
        """Read the table.

        Raises:
            SourceError: the file is missing or of another kind, or has no such model.
        """
        if not path.is_file():
            raise SourceError(f"{path}: no such file")
        frame = pd.read_parquet(path)
        frame = frame[frame["model"].astype(str) == series]
        if frame.empty:
            raise SourceError(f"{path}: no lengths of model {series!r}")
        self._otherwise = otherwise
        self._tables = {int(str(client)): _table(rows) for client, rows in frame.groupby("client")}
        self.name = f"ServeGen's quantiles by client (other clients: {otherwise.name})"

    def has(self, client: int) -> bool:
        """Whether a client has a table of its own."""
        return client in self._tables

    def draw(self, random: np.random.Generator, times_s: np.ndarray, clients: np.ndarray) -> np.ndarray:
        """See `LengthDraws`."""
        tokens = self._otherwise.draw(random, times_s, clients)
        levels = random.random((2, len(times_s)))
        for client in np.unique(clients):
            if int(client) in self._tables:
                whose = np.flatnonzero(clients == client)
                tokens[:, whose] = self._own(int(client), times_s[whose], levels[:, whose])
        return tokens

    def _own(self, client: int, times_s: np.ndarray, levels: np.ndarray) -> np.ndarray:
        starts_s, tables = self._tables[client]
        nearest = np.abs(starts_s[:, None] + SPAN_S / 2 - times_s).argmin(axis=0)
        tokens = np.empty(levels.shape, dtype=np.int64)
        for window in np.unique(nearest):
            at = nearest == window
            for field in (0, 1):
                logs = np.interp(levels[field, at], list(LEVELS.values()), tables[window, field])
                tokens[field, at] = np.maximum(np.rint(np.exp(logs)), 1)
        return tokens


def _table(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Starts of a client's windows, and logarithms of the quantiles, shape (window, field, level)."""
    fields = [rows[rows["field"].astype(str) == name].set_index("t_s") for name in ("input_tokens", "output_tokens")]
    starts = fields[0].index.intersection(fields[1].index).sort_values()
    quantiles = [field.loc[starts, list(LEVELS)].to_numpy(dtype=float) for field in fields]
    return starts.to_numpy(dtype=float), np.log(np.maximum(np.stack(quantiles, axis=1), 1.0))
