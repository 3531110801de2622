"""What the plan and forecast store keeps: one record per forecast, per (epoch, revision) and per acknowledgement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

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
