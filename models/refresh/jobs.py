"""The use cases as the schedule calls them: plain values in, plain values out, the story in the log."""

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from freesh_plugin.core.errors import ConfigError, SourceError
from freesh_plugin.core.plan import PlanMode
from freesh_plugin.core.plan_json import decode_plan
from models.allocation import SolveWorker, allocate
from models.allocation.explain.explain import explain
from models.domain.allocation import AllocationResult
from models.domain.records import ForecastRecord, PlanRecord
from models.domain.scenario import Endpoint, Scenario
from models.refresh import story
from models.refresh.carbon import refresh_carbon
from models.refresh.plan import changes_of, make_plan
from models.refresh.prices import refresh_prices
from models.refresh.problem import PlanOrder
from models.refresh.push import Access, acknowledged, publication, push_to, stored_plan
from models.refresh.slot import Slot, slot_of_key
from models.refresh.traffic import refresh_traffic
from models.sources.lengths import length_sample
from models.sources.registry import carbon_source, price_source, traffic_source
from models.sources.scenario_folder import load_fleet
from models.sources.store import SqlPlanningStore

SOLVE_LIMIT_S = 60.0
"""Longest time for the solver, seconds: a small part of the ten minutes before the slot."""
EXPLAIN_LIMIT_S = 40.0
"""Time for explaining a plan, seconds: with two solves it stays well within a task's four minutes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Site:
    """Where the fleet's scenario folder and the store are."""

    fleet: str
    store: str

    def load(self) -> Scenario:
        """The fleet.

        Raises:
            ScenarioError: its folder cannot be read.
        """
        return load_fleet(Path(self.fleet))


def forecast_traffic(site: Site, key: str, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Forecast demand for the slot of a partition key; returns epoch, state, age and note."""
    source = traffic_source(settings) if settings is not None else None
    fleet, store = site.load(), SqlPlanningStore(site.store)
    slot, lengths = slot_of_key(key), length_sample(fleet)
    return _told(refresh_traffic(slot, fleet, source, store, now=_now(), lengths=lengths))


def forecast_carbon(site: Site, key: str, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Forecast carbon intensity for the slot of a partition key; returns epoch, state, age and note."""
    source = carbon_source(settings) if settings is not None else None
    store = SqlPlanningStore(site.store)
    return _told(refresh_carbon(slot_of_key(key), site.load(), source, store, now=_now()))


def read_prices(site: Site, key: str, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Read the electricity prices for the slot of a partition key; returns epoch, state, age and note."""
    source = price_source(settings) if settings is not None else None
    store = SqlPlanningStore(site.store)
    return _told(refresh_prices(slot_of_key(key), site.load(), source, store, now=_now()))


def solve(site: Site, key: str, objective: str, mode: str) -> dict[str, Any]:
    """Plan the slot of a partition key; returns epoch, revision, digest and whether the plan is new."""
    order = PlanOrder(slot_of_key(key), _mode(mode), objective)
    with SolveWorker() as worker:

        def within(scenario: Scenario, limit_s: float = SOLVE_LIMIT_S) -> AllocationResult:
            return allocate(scenario, time_limit_s=limit_s, worker=worker)

        outcome = make_plan(
            order,
            site.load(),
            SqlPlanningStore(site.store),
            within,
            now=_now(),
            explain=lambda scenario, result: explain(scenario, result, within, limit_s=EXPLAIN_LIMIT_S),
        )
    log.info("%s", story.headline(outcome.plan, is_new=outcome.is_new))
    record = outcome.record
    return {"epoch": record.epoch, "revision": record.revision, "digest": record.digest, "is_new": outcome.is_new}


def compare(store_url: str, plan: Mapping[str, Any]) -> list[str]:
    """Say what a stored plan changes against the plan in force; returns the sentences."""
    store = SqlPlanningStore(store_url)
    typed = decode_plan(_stored(store, plan).text)
    changes = changes_of(typed, store)
    log.info("%s", story.plan_story(typed, changes))
    return list(changes)


def publish(site: Site, plan: Mapping[str, Any], *, backfill: bool) -> list[dict[str, Any]]:
    """Endpoints that a stored plan goes to; the log says why when there is none."""
    store = SqlPlanningStore(site.store)
    decided = publication(_stored(store, plan), site.load(), store, now=_now(), backfill=backfill)
    log.info("%s", decided.reason)
    return [dataclasses.asdict(each) for each in decided.endpoints]


def push(
    store_url: str,
    plan: Mapping[str, Any],
    target: Mapping[str, Any],
    *,
    token: str | None = None,
    allow_plain_http: bool = False,
) -> dict[str, Any]:
    """Push a stored plan to one endpoint and record the answer.

    Raises:
        SourceError: no answer.
        PlanError: refused.
    """
    store = SqlPlanningStore(store_url)
    access = Access(token, allow_plain_http)
    heard = push_to(_stored(store, plan), Endpoint(**target), access, store, now=_now())
    log.info("%s acknowledged plan %s.%s", heard.endpoint, heard.epoch, heard.revision)
    return {"endpoint": heard.endpoint, "status_code": heard.status_code, "reason": heard.reason}


def acknowledge(store_url: str, plan: Mapping[str, Any], targets: list[dict[str, Any]]) -> dict[str, Any]:
    """Who acknowledged a plan; endpoints that nothing is known of are recorded as not heard.

    Raises:
        SourceError: one or more did not accept it, each with its reason.
    """
    store = SqlPlanningStore(store_url)
    record = _stored(store, plan)
    result = acknowledged(record, [Endpoint(**each) for each in targets], store, now=_now())
    log.info("%s", story.acknowledgement_story(record, result))
    if result.missing:
        raise SourceError(story.missing(record, result))
    return {"accepted": list(result.accepted)}


def _stored(store: SqlPlanningStore, plan: Mapping[str, Any]) -> PlanRecord:
    return stored_plan(store, plan["epoch"], plan["revision"])


def _told(record: ForecastRecord) -> dict[str, Any]:
    log.info("%s", story.forecast_story(record))
    return {
        "epoch": record.epoch,
        "slot": str(Slot(record.epoch)),
        "state": record.state.value,
        "source": record.source,
        "age_s": record.age_s,
        "series": len(record.forecasts),
        "note": record.note,
    }


def _mode(text: str) -> PlanMode:
    if text not in tuple(PlanMode):
        raise ConfigError(f"mode {text!r} is neither advise nor act")
    return PlanMode(text)


def _now() -> datetime:
    return datetime.now(UTC)
