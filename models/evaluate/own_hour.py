"""A span of an operator's own requests and grids, or of a public trace, as something that policies can be run over."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ConfigError
from models.domain.scenario import ANY_ORIGIN
from models.domain.workload import Workload
from models.evaluate.hour_carbon import synthetic_grids
from models.evaluate.hour_data import HourData
from models.evaluate.hour_origins import local_s, origin_shares
from models.evaluate.hour_traffic import HISTORY_DAYS
from models.evaluate.hours import HOUR_S, LOCATIONS, ROW_S, Hour
from models.evaluate.own_checks import check_enough, covering
from models.forecast.grid import Grid
from models.sources.workload.diurnal import DAY_S, factor_at
from models.sources.workload.dressing import Dress
from models.sources.workload.known_names import KnownNames
from models.sources.workload.read import RATES, read_workload
from models.sources.workload.read_settings import FromRates, ReadSettings
from models.sources.workload.recorded import NoRequestsError
from models.sources.workload.scaling import Method, Scaling, scaled
from models.sources.workload.synthetic import SyntheticSettings, synthetic_workload

SYNTHETIC = "synthetic"
BUILT_IN = KnownNames((*LOCATIONS, ANY_ORIGIN))
"""Names of the built-in fleet."""

_OTHER_SEED = 1_000_000
"""Between the seeds of a span and of the hour before it."""


@dataclass(frozen=True)
class OwnTraffic:
    """Which requests.

    Attributes:
        kind: `synthetic`, or a kind of trace: azure, mooncake, servegen, csv.
        path: The trace; none for synthetic requests.
        start_s: Where in the trace the span begins, seconds; what lies before it is history.
        duration_s: Its length.
        scale: Times the recorded rate, or times the hour's where requests are synthetic.
        rate_rps: Mean rate that the span is brought to instead.
        method: How recorded requests are scaled; None = thinned to a lower rate, rotated copies to a higher one.
        seed: Of what is random.
        length_error: sigma of the lognormal error of predicted lengths.
        lengths: For ServeGen's rates: Azure's traces, whose lengths are drawn again.
        series: For ServeGen's rates: the model.
        names: Names that requests may bear: those of the fleet.
    """

    kind: str = SYNTHETIC
    path: Path | None = None
    start_s: float = 0.0
    duration_s: float = HOUR_S
    scale: float = 1.0
    rate_rps: float | None = None
    method: Method | None = None
    seed: int = 0
    length_error: float = 0.5
    lengths: Path | None = None
    series: str = "m-mid"
    names: KnownNames = BUILT_IN


def own_hour(
    hour: Hour,
    traffic: OwnTraffic,
    *,
    carbon: Mapping[str, Grid] | None = None,
    demand: Grid | None = None,
    origins: Mapping[str, float] | None = None,
) -> HourData:
    """The span.

    Args:
        hour: When it is, on which grids.
        traffic: Its requests.
        carbon: Zone to average intensity; None = synthetic.
        demand: Rates before it, as far as they are known; None = assumed, from the mean rate and the time of day.
        origins: Origin to share, where the trace has none.

    Raises:
        ConfigError: a trace without a file, too few requests to plan by, or carbon that does not cover the span.
        SourceError: a trace is missing or wrong.
    """
    shares = origins or origin_shares(hour)
    dress = Dress(traffic.seed, origins=shares, length_error=traffic.length_error)
    workload = _workload(hour, traffic, dress)
    before, notes = _before(hour, traffic, dress, workload)
    check_enough(before)
    known = (
        synthetic_grids(hour).average
        if carbon is None
        else covering(carbon, hour.zones, hour.start, workload.duration_s)
    )
    if carbon is None:
        notes = (*notes, "carbon intensities are synthetic")
    if demand is None:
        notes = (*notes, "rates before the span are assumed: its mean rate with a daily shape of ServeGen's m-small")
    history = _assumed(hour, workload) if demand is None else _until(demand, hour)
    series = _with_span(hour, history, workload)
    return HourData(hour, workload, before, series, known, {}, {}, shares, notes)


def _workload(hour: Hour, traffic: OwnTraffic, dress: Dress) -> Workload:
    if traffic.kind == SYNTHETIC:
        return _synthetic(hour, traffic, dress, traffic.seed)
    return _recorded(traffic, dress, traffic.start_s, traffic.duration_s)


def _synthetic(hour: Hour, traffic: OwnTraffic, dress: Dress, seed: int, earlier_h: float = 0.0) -> Workload:
    start_hour = (local_s(hour, 0) / 3_600 - earlier_h) % 24
    duration_s = HOUR_S if earlier_h else traffic.duration_s
    rate_rps = traffic.rate_rps or hour.rate_rps * traffic.scale
    return synthetic_workload(seed, SyntheticSettings(rate_rps, duration_s, start_hour=start_hour, dress=dress))


def _recorded(traffic: OwnTraffic, dress: Dress, start_s: float, duration_s: float) -> Workload:
    if traffic.path is None:
        raise ConfigError(f"requests of kind {traffic.kind!r} need the file of the trace")
    if traffic.kind == RATES:
        settings = ReadSettings(start_s, duration_s, rates=_rates(traffic), dress=dress)
        return read_workload(traffic.kind, traffic.path, settings)
    settings = ReadSettings(start_s, duration_s, dress=dress, names=traffic.names)
    whole = read_workload(traffic.kind, traffic.path, settings)
    factor = _factor(traffic, whole)
    if factor == 1:
        return whole
    method = traffic.method or (Method.THINNED if factor < 1 else Method.COPIES)
    if method is Method.COMPRESSED:  # what fills the span once time is divided
        whole = read_workload(traffic.kind, traffic.path, replace(settings, duration_s=duration_s * factor))
    return scaled(whole, Scaling(method, factor, seed=traffic.seed))


def _factor(traffic: OwnTraffic, recorded: Workload) -> float:
    if traffic.rate_rps is None:
        return traffic.scale
    return traffic.rate_rps * recorded.duration_s / sum(1 for _ in recorded.requests())


def _rates(traffic: OwnTraffic) -> FromRates:
    if traffic.lengths is None:
        raise ConfigError(f"{RATES} has rates alone: name the traces whose lengths are drawn, such as Azure's")
    if traffic.scale != 1:
        raise ConfigError(f"{RATES} is not scaled by {traffic.scale:g}: name the mean rate that is asked for")
    return FromRates(traffic.lengths, traffic.series, mean_rps=traffic.rate_rps, seed=traffic.seed)


def _before(hour: Hour, traffic: OwnTraffic, dress: Dress, workload: Workload) -> tuple[Workload, tuple[str, ...]]:
    """Requests before the span, which tell how demand divides into classes."""
    if traffic.kind == SYNTHETIC:
        return _synthetic(hour, traffic, dress, traffic.seed + _OTHER_SEED, 1.0), ("requests are synthetic",)
    if traffic.start_s > 0:
        first_s = max(traffic.start_s - HOUR_S, 0.0)
        try:
            return _recorded(traffic, dress, first_s, traffic.start_s - first_s), ()
        except NoRequestsError as error:
            raise ConfigError(
                f"{error}: the hour before a span tells how its demand divides into classes; begin elsewhere in the "
                "trace (--skip), after an hour with requests or at its very start"
            ) from error
    note = "how demand divides into classes is taken from the span itself, for the trace has no earlier part"
    return workload, (note,)


def _assumed(hour: Hour, workload: Workload) -> Grid:
    """Eight days of the span's mean rate, shaped by the time of day at the first location."""
    rows, start_s = HISTORY_DAYS * int(DAY_S) // ROW_S, local_s(hour, 0)
    offsets_s = (np.arange(rows) - rows) * float(ROW_S)
    level = float(factor_at(start_s + np.arange(0.0, workload.duration_s, 60.0)).mean())
    mean_rps = sum(1 for _ in workload.requests()) / workload.duration_s
    values = mean_rps / level * factor_at(start_s + offsets_s + ROW_S / 2)
    start = pd.Timestamp(hour.start - timedelta(seconds=ROW_S * rows))
    return Grid("demand", start, ROW_S, values, np.empty((rows, 0)))


def _until(demand: Grid, hour: Hour) -> Grid:
    """The rows that had ended when the span begins.

    Raises:
        ConfigError: there is none, or rows do not end there.
    """
    rows = demand.row_at(hour.start)
    if not 0 < rows <= demand.rows:
        raise ConfigError(f"demand has no row that ends at {hour.start:%Y-%m-%dT%H:%MZ}, where the span starts")
    return replace(demand, values=demand.values[:rows], exogenous=np.empty((rows, 0)), columns=())


def _with_span(hour: Hour, history: Grid, workload: Workload) -> Grid:
    """The history, then the rates at which requests arrive in the span."""
    arrivals_s = np.fromiter((each.arrival_s for each in workload.requests()), dtype=float)
    rows = max(int(workload.duration_s // history.step_s), 1)
    counts, _ = np.histogram(arrivals_s, np.arange(rows + 1) * float(history.step_s))
    values = np.concatenate((history.values, counts / history.step_s))
    return replace(history, values=values, exogenous=np.empty((len(values), 0)))
