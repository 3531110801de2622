"""Bringing a stored plan to the runtimes: whom to push to and whom not, the push, and who acknowledged."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from freesh_plugin.core.errors import ConfigError, PlanError, SourceError
from freesh_plugin.core.plan import PlanMode
from models.domain.records import AcknowledgementRecord, PlanningStore, PlanRecord
from models.domain.scenario import Endpoint, Scenario
from models.refresh.in_force import act_plan_held
from models.refresh.slot import Slot
from models.sources.plan_publisher import push_plan

log = logging.getLogger(__name__)

PUSH_TIMEOUT_S = 10.0
"""Longest wait for one runtime's answer, seconds."""


@dataclass(frozen=True)
class Publication:
    """To whom a plan goes; with no endpoints, `reason` says why in a sentence."""

    endpoints: tuple[Endpoint, ...]
    reason: str


@dataclass(frozen=True)
class Access:
    """What an endpoint asks for: its bearer token, and whether that may travel over plain http to another machine."""

    token: str | None = field(default=None, repr=False)
    allow_plain_http: bool = False


@dataclass(frozen=True)
class Acknowledged:
    """Who accepted a plan. `missing` maps the other endpoints to the reason."""

    accepted: tuple[str, ...]
    missing: dict[str, str]


def stored_plan(store: PlanningStore, epoch: int, revision: int) -> PlanRecord:
    """A plan that must be in the store.

    Raises:
        PlanError: it is not.
    """
    record = store.plan(epoch, revision)
    if record is None:
        raise PlanError(f"plan {epoch}.{revision} is not in the store")
    return record


def publication(
    record: PlanRecord, fleet: Scenario, store: PlanningStore, *, now: datetime, backfill: bool
) -> Publication:
    """Decide whom a stored plan is pushed to.

    Never pushed: a plan of a slot that is over, a plan of a backfill, and advice that would take the place of a plan
    that the runtimes act on.
    """
    slot = Slot(record.epoch)
    if backfill:
        return Publication((), f"{slot}: stored, not pushed, because a backfill never pushes")
    if slot.is_over(now):
        return Publication((), f"{slot}: stored, not pushed, because the slot was over at {now:%H:%M:%S} UTC")
    held = act_plan_held(store, now) if record.mode == PlanMode.ADVISE else None
    if held is not None:
        return Publication(
            (), f"{slot}: stored, not pushed, because advice must not displace plan {held.epoch}.{held.revision} (act)"
        )
    if not fleet.endpoints:
        return Publication((), f"{slot}: stored, not pushed, because the fleet's scenario names no endpoints")
    return Publication(fleet.endpoints, f"{slot}: pushed to {len(fleet.endpoints)} endpoints as {record.mode}")


def push_to(
    record: PlanRecord, endpoint: Endpoint, access: Access, store: PlanningStore, *, now: datetime
) -> AcknowledgementRecord:
    """Push a plan to one runtime and record its answer, or why there was none.

    Raises:
        SourceError: the runtime did not answer, or could not store the plan; worth another try.
        ConfigError: its address or token cannot be used.
        PlanError: it refused the plan; another try would be refused too.
    """
    try:
        answer = push_plan(
            endpoint.url,
            record.text,
            access.token,
            timeout_s=PUSH_TIMEOUT_S,
            allow_plain_http=access.allow_plain_http,
        )
    except (ConfigError, SourceError) as error:
        store.save_acknowledgement(_heard(record, endpoint, False, None, str(error), now))
        raise
    acknowledgement = _heard(record, endpoint, answer.accepted, answer.status_code, answer.reason, now)
    store.save_acknowledgement(acknowledgement)
    if not answer.accepted:
        raise PlanError(f"{endpoint.name} refused plan {record.epoch}.{record.revision}: {answer.reason}")
    return acknowledgement


def acknowledged(
    record: PlanRecord, endpoints: Iterable[Endpoint], store: PlanningStore, *, now: datetime
) -> Acknowledged:
    """Who of these endpoints accepted a plan, by the last word of each; silence is recorded too."""
    last = {each.endpoint: each for each in store.acknowledgements(record.epoch, record.revision)}
    accepted, missing = [], {}
    for endpoint in endpoints:
        heard = last.get(endpoint.name)
        if heard is None:
            heard = _heard(record, endpoint, False, None, "the plan was not sent; the log of its push says why", now)
            store.save_acknowledgement(heard)
        if heard.accepted:
            accepted.append(endpoint.name)
        else:
            missing[endpoint.name] = heard.reason
    return Acknowledged(tuple(accepted), missing)


def _heard(
    record: PlanRecord, endpoint: Endpoint, accepted: bool, status_code: int | None, reason: str, at: datetime
) -> AcknowledgementRecord:
    return AcknowledgementRecord(record.epoch, record.revision, endpoint.name, accepted, status_code, reason, at)
