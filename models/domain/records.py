"""What the plan and forecast store keeps: one record per forecast, per (epoch, revision) and per acknowledgement."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

import numpy as np

from models.domain.forecast import DataState, QuantileForecast, Reading

ForecastKind = Literal["carbon", "demand", "prices"]


@dataclass(frozen=True)
class ForecastRecord:
    """Forecasts of one kind for the slot of one epoch, with what they were made from.

    `age_s` is the age of the newest reading at the time of issue, None without data; `note` says in a
    sentence what is stale, missing or dropped.
    """

    kind: ForecastKind
    epoch: int
    issued_at: datetime
    state: DataState
    source: str
    forecasts: tuple[QuantileForecast, ...]
    age_s: float | None = None
    note: str = ""


@dataclass(frozen=True)
class PlanRecord:
    """A plan as published: its sealed JSON text, and whether it was pushed."""

    epoch: int
    revision: int
    mode: str
    digest: str
    text: bytes
    created_at: datetime


@dataclass(frozen=True)
class AcknowledgementRecord:
    """What one endpoint said of one plan, or why nothing was heard."""

    epoch: int
    revision: int
    endpoint: str
    accepted: bool
    status_code: int | None
    reason: str
    at: datetime


@dataclass(frozen=True)
class IssueRecord:
    """A forecast of carbon that a provider gave, as it was when it was read.

    Attributes:
        key: Whose, and of which zone.
        issued_at: When it was known, aware UTC.
        starts_at: Start of the first interval, aware UTC.
        step_s: Length of an interval, seconds.
        carbon_gco2e_per_kwh: Shape (interval,); NaN where it says nothing.
    """

    key: str
    issued_at: datetime
    starts_at: datetime
    step_s: int
    carbon_gco2e_per_kwh: np.ndarray


@dataclass(frozen=True)
class EventRecord:
    """Something that the plan of a slot did not foresee, so that the slot is planned again; once for a cause and slot.

    Attributes:
        epoch: Epoch of the slot that is planned again.
        kind: `stock_lost`, `demand_above` or `not_acknowledged`.
        subject: Whom it befell: a machine, a class, a runtime.
        at: When it was noticed, aware UTC.
        reason: What happened, in a sentence.
        labels: Of demand: `partition`, `request_class`, `model` and `tier`.
        measured_rps: Of demand: what was offered, req/s.
    """

    epoch: int
    kind: str
    subject: str
    at: datetime
    reason: str
    labels: Mapping[str, str] = field(default_factory=dict)
    measured_rps: float | None = None


class PlanningStore(Protocol):
    """The one plan and forecast store. Writes are idempotent; reads see whole records only."""

    def save_reading(self, key: str, reading: Reading) -> None:
        """Keep the last rows a source gave, so that they can be used, with their age, when it fails."""
        ...

    def last_reading(self, key: str) -> Reading | None:
        """The last rows kept under that key."""
        ...

    def save_forecast(self, record: ForecastRecord) -> None:
        """Store the forecasts of (kind, epoch), replacing an earlier record of the same."""
        ...

    def forecast(self, kind: ForecastKind, epoch: int) -> ForecastRecord | None:
        """The forecasts for the slot of that epoch."""
        ...

    def last_forecast(self, kind: ForecastKind, before_epoch: int) -> ForecastRecord | None:
        """The newest forecasts with data (state ok or stale) for an earlier epoch."""
        ...

    def save_plan(self, record: PlanRecord) -> None:
        """Store a plan. The same text again is accepted; another digest for a stored (epoch, revision) is not.

        Raises:
            PlanError: that (epoch, revision) is stored with another digest.
        """
        ...

    def plan(self, epoch: int, revision: int | None = None) -> PlanRecord | None:
        """A plan by epoch and revision, or its newest revision."""
        ...

    def plan_before(self, epoch: int) -> PlanRecord | None:
        """The newest plan for an earlier epoch."""
        ...

    def plans(self, limit: int = 100) -> tuple[PlanRecord, ...]:
        """The newest plans, newest first."""
        ...

    def save_acknowledgement(self, record: AcknowledgementRecord) -> None:
        """Record what an endpoint said."""
        ...

    def acknowledgements(self, epoch: int, revision: int) -> tuple[AcknowledgementRecord, ...]:
        """What was said of one plan, oldest first."""
        ...

    def save_event(self, record: EventRecord) -> None:
        """Store what happened, unless the same cause is stored for that slot already."""
        ...

    def events(self, epoch: int) -> tuple[EventRecord, ...]:
        """What made the slot of that epoch be planned again, by kind and subject."""
        ...

    def save_issue(self, record: IssueRecord, *, keep_from: datetime) -> None:
        """Keep a provider's forecast, replacing one of the same moment; drop those of its key from before."""
        ...

    def issues(self, key: str, since: datetime) -> tuple[IssueRecord, ...]:
        """The forecasts kept under that key that were issued at `since` or later, oldest first."""
        ...
