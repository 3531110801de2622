"""Prices as a plan uses them: the fleet's own table, else what is stored; what is assumed or missing is said."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from freesh_plugin.core.plan import Hold, InputState, PlanInput
from models.domain.forecast import QuantileForecast
from models.domain.records import ForecastRecord, PlanningStore
from models.domain.scenario import Objective, PricePoint, Scenario
from models.refresh.forecasts import fingerprint
from models.refresh.holds import sentence
from models.refresh.prices import ASSUMED, BASIS, PUBLISHED
from models.refresh.slot import Slot


@dataclass(frozen=True)
class KnownPrices:
    """Prices of the slot by location and step.

    Attributes:
        points: Of the locations whose price is known in every step of the slot.
        missing: The other locations.
        assumed: Locations where yesterday's price stands in for one that is not published yet.
        age_s: Seconds between the reading and the issue of the slot; None without one.
        note: Where they come from, in sentences.
    """

    points: tuple[PricePoint, ...] = ()
    missing: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    age_s: float | None = None
    note: str = ""

    def as_input(self) -> PlanInput:
        """The plan's line on this input."""
        state = InputState.NO_DATA if self.missing else InputState.STALE if self.assumed else InputState.OK
        rows = (f"{each.location} {each.step} {each.price_usd_per_mwh}" for each in self.points)
        return PlanInput("prices", fingerprint(row.encode() for row in rows), state, self.age_s, self.note)


def known_prices(store: PlanningStore, fleet: Scenario, slot: Slot) -> KnownPrices:
    """Prices of the slot: `prices.csv` of the fleet's folder where there is one, else the newest that are stored.

    Prices are published a day ahead, so those that were read for an earlier slot are as good for this one, as far as
    they reach.

    Raises:
        SourceError: the store failed.
    """
    if fleet.prices:
        return KnownPrices(fleet.prices, note="prices.csv of the fleet's folder, the same for every slot")
    record = store.forecast("prices", slot.epoch)
    if record is None or not record.forecasts:
        why = record.note if record is not None else f"no prices were read for {slot}"
        record = store.last_forecast("prices", slot.epoch)
        if record is None:
            return KnownPrices(missing=tuple(each.name for each in fleet.locations), note=why)
    return _from(record, fleet, slot)


def with_prices(
    fleet: Scenario, objective: Objective, prices: KnownPrices
) -> tuple[Scenario, Objective, list[Hold], list[PlanInput]]:
    """The fleet with its prices, or an objective without cost where they are not known for every location.

    The list of inputs is empty where prices are neither needed nor known: such a fleet does not reckon in money.
    """
    inputs = [prices.as_input()] if objective.needs_prices or prices.points else []
    if not prices.missing:
        return replace(fleet, prices=prices.points), objective, _assumed(prices), inputs
    fleet = replace(fleet, prices=())
    if not objective.needs_prices:
        return fleet, objective, [], inputs
    rest = replace(objective, cost=0.0)
    instead = Objective.only("energy") if rest.energy == rest.carbon == 0 else rest
    words = " and ".join(term for term in ("carbon", "energy") if getattr(instead, term))
    reason = f"No electricity price is known for {', '.join(prices.missing)}: the objective is {words} instead"
    hold = Hold("prices_missing", sentence(f"{reason}; {prices.note}" if prices.note else reason))
    return fleet, instead, [hold], inputs


def _assumed(prices: KnownPrices) -> list[Hold]:
    if not prices.assumed:
        return []
    where = ", ".join(prices.assumed)
    reason = f"The price of {where} is assumed to be that of the same hour of the day before: it is not published yet"
    return [Hold("prices_assumed", sentence(reason))]


def _from(record: ForecastRecord, fleet: Scenario, slot: Slot) -> KnownPrices:
    points: list[PricePoint] = []
    missing, assumed = [], []
    for location in fleet.locations:
        found = list(_steps(record, location.priced_in, fleet, slot))
        if len(found) < fleet.steps:
            missing.append(location.name)
            continue
        points += [PricePoint(location.name, step, price) for step, (price, _) in enumerate(found)]
        if any(basis == ASSUMED for _, basis in found):
            assumed.append(location.name)
    age_s = None if record.age_s is None else record.age_s + (slot.issue_at - record.issued_at).total_seconds()
    note = "; ".join(each for each in (record.source and f"source: {record.source}", record.note) if each)
    return KnownPrices(tuple(points), tuple(missing), tuple(assumed), max(age_s or 0.0, 0.0), note)


def _steps(record: ForecastRecord, zone: str | None, fleet: Scenario, slot: Slot) -> Iterator[tuple[float, str]]:
    """Price and basis of each step of the slot, up to the first one that is not known."""
    series = [each for each in record.forecasts if zone is not None and each.labels.get("zone") == zone]
    series.sort(key=lambda each: each.labels.get(BASIS) != PUBLISHED)
    for step in range(fleet.steps):
        moment = slot.starts_at + timedelta(seconds=step * fleet.step_s)
        found = next((each for each in series if _holds(each, moment)), None)
        if found is None:
            return
        yield float(found.mean[_place(found, moment)]), found.labels.get(BASIS, PUBLISHED)


def _holds(series: QuantileForecast, moment: datetime) -> bool:
    return 0 <= _place(series, moment) < len(series.mean)


def _place(series: QuantileForecast, moment: datetime) -> int:
    return int((moment - series.starts_at).total_seconds() // series.step_s)
