"""ServeGen's public rates of requests in windows of ten minutes, all clients together or one by one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import SourceError
from models.sources.scenario.spot import nearest
from models.sources.workload.rate_trace import RateTrace

SOURCE = "ServeGen, alibaba/ServeGen, Apache-2.0"
WINDOW_S = 600.0
MOST_CV = 10.0
"""Windows with a handful of requests state variations up to 797; beyond this they say nothing of the process."""


@dataclass(frozen=True)
class ClientRates:
    """One client: its rate, and by window the coefficient of variation of its times between arrivals."""

    rates: RateTrace
    cv: np.ndarray

    def cv_at(self, time_s: float) -> float:
        """Variation in the window that holds a moment of the trace; 1 where it states none."""
        index = int(time_s // self.rates.window_s)
        stated = float(self.cv[min(max(index, 0), len(self.cv) - 1)])
        return min(stated, MOST_CV) if stated > 0 else 1.0


def total_rates(path: Path, series: str) -> RateTrace:
    """Rates of all clients of one model; windows of rate 0 are holes of the trace.

    Raises:
        SourceError: the file is missing or of another kind, or has no such model.
    """
    frame = _table(path, ("model", "t_s", "rate"))
    rows = _of_model(path, frame, series)
    return RateTrace(_windows(path, rows["t_s"], rows["rate"], missing_at_zero=True), WINDOW_S)


def client_rates(path: Path, series: str) -> Mapping[int, ClientRates]:
    """Rates of each client of one model; a client that sends nothing in a window is no hole.

    Windows in which no client sends anything are holes, of all of them.

    Raises:
        SourceError: the file is missing or of another kind, or has no such model.
    """
    frame = _of_model(path, _table(path, ("model", "client", "t_s", "rate", "cv")), series)
    total = frame.groupby("t_s")["rate"].transform("sum")
    frame = frame.assign(rate=frame["rate"].where(total > 0))
    return {
        int(str(client)): ClientRates(
            RateTrace(_windows(path, rows["t_s"], rows["rate"], missing_at_zero=False), WINDOW_S),
            _windows(path, rows["t_s"], rows["cv"], missing_at_zero=True),
        )
        for client, rows in frame.groupby("client")
        if rows["rate"].sum() > 0
    }


def is_by_client(path: Path) -> bool:
    """Whether a file is the table of clients: parquet, where the totals are CSV."""
    return path.suffix == ".parquet"


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    try:
        frame = pd.read_parquet(path) if is_by_client(path) else pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise SourceError(f"{path}: not a table of ServeGen's: {str(error).splitlines()[0]}") from error
    have = [str(name) for name in frame.columns]
    for column in columns:
        if column not in have:
            raise SourceError(f"{path}: column {column!r} is missing{nearest(column, have)}")
    return frame


def _of_model(path: Path, frame: pd.DataFrame, series: str) -> pd.DataFrame:
    names = frame["model"].astype(str)
    rows = frame[names == series]
    if rows.empty:
        raise SourceError(f"{path}: no model {series!r}{nearest(series, sorted(names.unique()))}")
    return rows


def _windows(path: Path, starts_s: pd.Series, values: pd.Series, *, missing_at_zero: bool) -> np.ndarray:
    """Values by window from 0 on; a window without a row is missing."""
    index = starts_s.to_numpy() / WINDOW_S
    if (index != np.floor(index)).any() or (index < 0).any():
        raise SourceError(f"{path}: column 't_s' has other starts than multiples of {WINDOW_S:g} s")
    windows = np.full(int(index.max()) + 1, np.nan)
    windows[index.astype(int)] = values.to_numpy(dtype=float)
    if (windows < 0).any():
        raise SourceError(f"{path}: a negative rate, must be at least 0 req/s")
    return np.where(windows == 0, np.nan, windows) if missing_at_zero else windows
