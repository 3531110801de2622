"""What an hour consists of: its requests, and the series of its grids and of its demand, with their history."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.request import Partition
from models.domain.workload import Workload
from models.evaluate.hour_carbon import public_grids, synthetic_grids
from models.evaluate.hour_origins import origin_shares
from models.evaluate.hour_traffic import HourTraffic, azure_traffic, servegen_traffic, synthetic_traffic
from models.evaluate.hours import Hour
from models.forecast.grid import Grid
from models.sources.workload.dressing import Dress
from models.sources.workload.estimates import Predicted
from models.sources.workload.scaling import Method

MIX_REQUESTS = 5_000
"""So many earlier requests tell how demand divides into classes."""


@dataclass(frozen=True)
class HourData:
    """An hour, ready to be run. Series hold the hour itself too: who plans may read earlier rows alone.

    Attributes:
        hour: Which.
        workload: Its requests; arrivals from 0 to 3,600 s.
        before: Requests of the hour before, which tell how demand divides into classes and origins.
        demand: All requests, req/s in rows of ten minutes, with at least seven days of history; NaN = missing.
        carbon: Zone to average direct intensity, g/kWh.
        marginal: Zone to estimated marginal intensity, g/kWh, signed; a zone for which it is not known is absent.
        prices: Zone to day-ahead price, USD/MWh; a zone for which it is not known is absent.
        origins: Origin to share of the requests.
        notes: What is worth knowing, a sentence each.
    """

    hour: Hour
    workload: Workload
    before: Workload
    demand: Grid
    carbon: Mapping[str, Grid]
    marginal: Mapping[str, Grid]
    prices: Mapping[str, Grid]
    origins: Mapping[str, float]
    notes: tuple[str, ...] = ()

    def mix(self, partition: Partition) -> Mapping[tuple[str, str], float]:
        """(Class by predicted length, origin) to its share of the requests, from those of the hour before."""
        counts = Counter(
            (partition.classify(each.prompt_tokens, each.estimate.q50), each.origin)
            for each in islice(self.before.requests(), MIX_REQUESTS)
        )
        return {key: count / counts.total() for key, count in sorted(counts.items())}


def hour_data(
    hour: Hour,
    data_folder: Path | None = None,
    *,
    predicted: Predicted = Predicted.WITH_ERROR,
    length_error: float = 0.5,
    method: Method = Method.THINNED,
) -> HourData:
    """The requests and series of an hour.

    Args:
        hour: Which.
        data_folder: Folder of the public data sets; None will do for a synthetic hour.
        predicted: How answer lengths are predicted.
        length_error: sigma of the lognormal error, where they are predicted by one.
        method: How recorded requests are brought to the hour's rate; rates are multiplied.

    Raises:
        ConfigError: it needs the data sets and there is no folder.
        SourceError: a data set is missing or wrong.
    """
    origins = origin_shares(hour)
    dress = Dress(hour.seed, origins=origins, predicted=predicted, length_error=length_error)
    grids = synthetic_grids(hour) if hour.carbon_data == "synthetic" else public_grids(hour, _needed(hour, data_folder))
    traffic = _traffic(hour, data_folder, dress, method)
    return HourData(
        hour, traffic.workload, traffic.before, traffic.demand, grids.average, grids.marginal, grids.prices, origins,
        traffic.notes,
    )  # fmt: skip


def _traffic(hour: Hour, data_folder: Path | None, dress: Dress, method: Method) -> HourTraffic:
    if hour.traffic == "synthetic":
        return synthetic_traffic(hour, dress)
    if hour.traffic == "azure":
        return azure_traffic(hour, _needed(hour, data_folder), dress, method)
    return servegen_traffic(hour, _needed(hour, data_folder), dress)


def _needed(hour: Hour, data_folder: Path | None) -> Path:
    if data_folder is None:
        raise ConfigError(f"hour {hour.name!r} needs the public data sets: FREESH_DATA names their folder")
    return data_folder
