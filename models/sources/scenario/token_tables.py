"""Token-level profiles and lengths of requests, read from their tables of a scenario folder."""

from collections.abc import Hashable
from pathlib import Path

from freesh_plugin.core.errors import ProfileError, ScenarioError
from freesh_plugin.core.profile import Basis, Phase, TokenLimits, TokenPoint, TokenTable
from models.domain.lengths import RequestLength
from models.sources.scenario.csv_table import Row, read_table
from models.sources.scenario.tables import Names, optional, unique

Pair = tuple[str, str]
"""Model and mode."""


def read_token_profiles(folder: Path, names: Names) -> dict[Pair, TokenTable]:
    """Profiles by model and mode from `token_profiles.csv` and `token_limits.csv`; none without the former.

    Raises:
        ScenarioError: a row that is wrong, a pair without limits or without points, points that contradict each other.
    """
    if not (folder / "token_profiles.csv").exists():
        if (folder / "token_limits.csv").exists():
            raise ScenarioError("token_limits.csv: there is no token_profiles.csv that it belongs to")
        return {}
    points = _read_points(folder / "token_profiles.csv", names)
    limits = _read_limits(folder / "token_limits.csv", names)
    for pair in points.keys() ^ limits.keys():
        file, other = ("token_limits.csv", "token_profiles.csv")[:: 1 if pair in points else -1]
        raise ScenarioError(f"{file}: no row for model {pair[0]!r}, mode {pair[1]!r}, which {other} has")
    return {pair: _table(pair, own, limits[pair]) for pair, own in points.items()}


def read_lengths(folder: Path, names: Names) -> dict[str, tuple[RequestLength, ...]]:
    """Rows of `lengths.csv` by model; none without the file."""
    path = folder / "lengths.csv"
    lengths: dict[str, list[RequestLength]] = {}
    if path.exists():
        for row in read_table(path, ("prompt_tokens", "answer_tokens"), ("weight", "model")):
            length = RequestLength(
                prompt_tokens=row["prompt_tokens"].number("tokens", low=1),
                answer_tokens=row["answer_tokens"].number("tokens", low=1),
                weight=optional(row, "weight", lambda spot: spot.number("", low=0), lambda: 1.0),
                model=names.model(row),
            )
            lengths.setdefault(length.model, []).append(length)
    return {model: tuple(own) for model, own in lengths.items()}


def _table(pair: Pair, points: list[TokenPoint], limits: TokenLimits) -> TokenTable:
    try:
        return TokenTable.of(points, limits)
    except ProfileError as error:
        raise ScenarioError(f"token_profiles.csv, model {pair[0]!r}, mode {pair[1]!r}: {error}") from error


def _read_points(path: Path, names: Names) -> dict[Pair, list[TokenPoint]]:
    def read(row: Row) -> tuple[Hashable, tuple[Pair, TokenPoint]]:
        phase = Phase(row["phase"].one_of([*Phase], "phase"))
        batch = row.get("batch")
        if batch is None and phase is Phase.DECODE:
            raise row.fault("a decode step needs its batch")
        point = TokenPoint(
            phase=phase,
            tokens=row["tokens"].number("tokens", low=1),
            time_s=row["time_s"].number("s", above=0),
            power_w=row["power_w"].number("W", above=0),
            batch=1 if batch is None else batch.integer("requests", low=1, high=1 if phase is Phase.PREFILL else None),
            sm_clock_mhz=optional(row, "sm_clock_mhz", lambda spot: spot.number("MHz", above=0), lambda: None),
        )
        pair = _pair(row, names)
        return (*pair, phase, point.tokens, point.batch, point.sm_clock_mhz), (pair, point)

    required = ("mode", "phase", "tokens", "time_s", "power_w")
    points: dict[Pair, list[TokenPoint]] = {}
    for pair, point in unique(read_table(path, required, ("batch", "sm_clock_mhz", "model")), read):
        points.setdefault(pair, []).append(point)
    return points


def _read_limits(path: Path, names: Names) -> dict[Pair, TokenLimits]:
    def read(row: Row) -> tuple[Hashable, tuple[Pair, TokenLimits]]:
        idle_power_w = row["idle_power_w"].number("W", low=0)
        limits = TokenLimits(
            max_batch=row["max_batch"].integer("requests", low=1),
            kv_tokens=row["kv_tokens"].integer("tokens", low=1),
            idle_power_w=idle_power_w,
            parked_power_w=optional(
                row, "parked_power_w", lambda spot: spot.number("W", low=0, high=idle_power_w), lambda: None
            ),
            basis=Basis(row["basis"].one_of([*Basis], "basis")),
            chunked=optional(row, "chunked", lambda spot: spot.one_of(["yes", "no"], "answer") == "yes", lambda: True),
        )
        return _pair(row, names), (_pair(row, names), limits)

    required = ("mode", "max_batch", "kv_tokens", "idle_power_w", "basis")
    return dict(unique(read_table(path, required, ("parked_power_w", "chunked", "model")), read))


def _pair(row: Row, names: Names) -> Pair:
    return names.model(row), row["mode"].one_of(names.modes, "mode")
