"""What may be known of an hour ahead: demand by predicted class and carbon by location, as forecast, fixed or true."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from math import sqrt

import numpy as np

from freesh_plugin.core.request import Partition
from freesh_plugin.core.units import EPOCH_S, PLAN_LEAD_S
from models.domain.scenario import ANY_ORIGIN, CarbonPoint, Demand
from models.evaluate.epoch import Epoch
from models.evaluate.foresight import (
    CarbonView,
    DemandForesight,
    ForecastCarbon,
    ForecastDemand,
    constant_carbon,
    forecast_carbon_view,
    forecast_demand_view,
    true_carbon,
)
from models.evaluate.hour_data import HourData
from models.evaluate.offered import Offered
from models.evaluate.site import Site
from models.forecast.bursts import dispersion_of

FORECAST, CONSTANT, PERFECT, BLIND = "forecast", "constant", "perfect", "blind"
"""Ways to foresee; who is blind to carbon takes one number for all locations and times."""

CARBON_LAG_S = 3_600
"""A row of carbon is published so long after it has ended; stated."""

SPREAD_S = 60.0
"""Capacity is for the quantile of demand over so many seconds: what is shorter waits in the queue within its SLO."""

QUANTILE, _DEVIATE = 0.95, 1.6449
"""Quantile of demand that capacity is for, and its normal deviate."""

EARLIEST_S = EPOCH_S + PLAN_LEAD_S + CARBON_LAG_S
"""What was published when the first plan was issued, that of the slot before the hour, is older than this."""

BLIND_GCO2E_PER_KWH = 300.0
"""For a plan that is blind to carbon; any number above 0 gives the same plan."""


@dataclass(frozen=True)
class Forecasts:
    """The forecasts that plans are made with: `forecast_carbon` and `forecast_demand` of `models.forecast`."""

    carbon: ForecastCarbon
    demand: ForecastDemand


@dataclass(frozen=True)
class Outlook:
    """What the plans of an hour are told, made once for all policies; a forecast reads no row that had not ended.

    Attributes:
        data: The hour.
        site: Its fleet.
        forecasts: How demand and carbon are forecast.
    """

    data: HourData
    site: Site
    forecasts: Forecasts
    _mixes: dict[str, Mapping[tuple[str, str], float]] = field(default_factory=dict)

    def demand(self, epoch: Epoch, foresight: str) -> tuple[Demand, ...]:
        """Demand by partition, class and origin: its mean, and the quantile that capacity is for."""
        tell = self._true if foresight == PERFECT else self._forecast
        rows = []
        for partition in self.site.scenario.partitions:
            origins = self._origins(partition)
            for (name, step), (mean_rps, doubt_rps, share) in tell(epoch, partition).items():
                spread_rps = _DEVIATE * self._spread_rps(mean_rps, doubt_rps, share)
                for origin, part in origins[name].items():
                    rows.append(
                        Demand(partition.name, name, step, part * (mean_rps + spread_rps), part * mean_rps, origin)
                    )
        return tuple(rows)

    def carbon(self, epoch: Epoch, foresight: str) -> tuple[CarbonPoint, ...]:
        """Average intensity by location and step."""
        view = self._views[foresight]
        return tuple(
            CarbonPoint(location.name, step, float(value))
            for location in self.site.scenario.locations
            for step, value in enumerate(view(str(location.grid_zone), epoch))
        )

    def mix(self, partition: Partition) -> Mapping[tuple[str, str], float]:
        """(Predicted class, origin) to its share of the requests of the hour before."""
        if partition.name not in self._mixes:
            self._mixes[partition.name] = self.data.mix(partition)
        return self._mixes[partition.name]

    @cached_property
    def offered(self) -> Offered:
        """What comes; for perfect foresight and the bound alone."""
        return Offered.of(self.data.workload)

    def _forecast(self, epoch: Epoch, partition: Partition) -> dict[tuple[str, int], tuple[float, float, float]]:
        """(Class, step) to its mean, the doubt about that (a standard deviation) and its share of all requests."""
        total = self._total("demand", epoch)
        told = {}
        for name, share in self._shares(partition).items():
            for step in range(epoch.steps):
                mean, peak = float(total.mean[step]), float(total.peak[step])
                told[name, step] = share * mean, share * (peak - mean) / _DEVIATE, share
        return told

    def _true(self, epoch: Epoch, partition: Partition) -> dict[tuple[str, int], tuple[float, float, float]]:
        """The same as it comes true: without doubt, yet within a step requests come by chance all the same."""
        start_s = (epoch.starts_at - self.data.hour.start).total_seconds()
        rates = self.offered.rates(partition, start_s, epoch.steps, epoch.step_s)
        shares = self._shares(partition)
        return {(name, step): (rate, 0.0, shares[name]) for (name, step), rate in rates.items()}

    def _spread_rps(self, mean_rps: float, doubt_rps: float, share: float) -> float:
        """Standard deviation of the demand of a class over `SPREAD_S`.

        A class is a part of all requests picked at random: its index of dispersion is 1 + share x (that of all - 1).
        """
        dispersion = max(1 + share * (self._dispersion - 1), 0.0)
        return sqrt(doubt_rps**2 + dispersion * mean_rps / SPREAD_S)

    def _shares(self, partition: Partition) -> dict[str, float]:
        shares = dict.fromkeys(partition.classes, 0.0)
        for (name, _), share in self.mix(partition).items():
            shares[name] += share
        return shares

    def _origins(self, partition: Partition) -> dict[str, dict[str, float]]:
        """Of each class, each origin's share of its requests; one origin where any location may serve any.

        Round trips are far below the bounds of TTFT and cost nothing, so that origins are alike to a plan.
        """
        if all(each.allowed_origins is None for each in self.site.scenario.locations):
            return {name: {ANY_ORIGIN: 1.0} for name in partition.classes}
        shares = self._shares(partition)
        found: dict[str, dict[str, float]] = {name: {} for name in partition.classes}
        for (name, origin), share in self.mix(partition).items():
            found[name][origin] = share / shares[name]
        return found

    @cached_property
    def _dispersion(self) -> float:
        """Index of dispersion of the requests of the hour before, counted over `SPREAD_S`."""
        arrivals_s = np.array([each.arrival_s for each in self.data.before.requests()])
        counts = np.bincount((arrivals_s // SPREAD_S).astype(int))
        return dispersion_of(counts[:-1] if len(counts) > 2 else counts)

    @cached_property
    def _total(self) -> DemandForesight:
        return forecast_demand_view({"demand": self.data.demand}, self.forecasts.demand, QUANTILE)

    @cached_property
    def _views(self) -> Mapping[str, CarbonView]:
        grids = self.data.carbon
        return {
            FORECAST: forecast_carbon_view(grids, self.forecasts.carbon, CARBON_LAG_S),
            CONSTANT: constant_carbon(grids, self.data.hour.start - timedelta(seconds=EARLIEST_S)),
            PERFECT: true_carbon(grids),
            BLIND: lambda _, epoch: np.full(epoch.steps, BLIND_GCO2E_PER_KWH),
        }
