"""The half-hour slot that a run is for: its times, its partition key, and how a person names it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.units import EPOCH_S, PLAN_LEAD_S, epoch_at, epoch_start_s

KEY_FORMAT = "%Y-%m-%dT%H:%M:%S"
"""Partition keys are the moment of issue in UTC, ten minutes before the slot starts."""

_WORDS = ("coming", "current")


@dataclass(frozen=True, order=True)
class Slot:
    """One epoch as the planner's calendar sees it."""

    epoch: int

    @property
    def starts_at(self) -> datetime:
        """First moment of the slot, aware UTC."""
        return datetime.fromtimestamp(epoch_start_s(self.epoch), UTC)

    @property
    def ends_at(self) -> datetime:
        """First moment after the slot, aware UTC."""
        return self.starts_at + timedelta(seconds=EPOCH_S)

    @property
    def issue_at(self) -> datetime:
        """When its run is issued: the data cut-off, aware UTC."""
        return self.starts_at - timedelta(seconds=PLAN_LEAD_S)

    @property
    def key(self) -> str:
        """Partition key of its run."""
        return self.issue_at.strftime(KEY_FORMAT)

    def cut_off(self, now: datetime) -> datetime:
        """Everything before this moment may be used: the moment of issue, or now where that lies ahead."""
        return min(self.issue_at, now)

    def is_over(self, now: datetime) -> bool:
        """Whether the slot has ended."""
        return now >= self.ends_at

    def __str__(self) -> str:
        """The slot for people, such as `2026-03-01 12:30-13:00 UTC`."""
        return f"{self.starts_at:%Y-%m-%d %H:%M}-{self.ends_at:%H:%M} UTC"


def coming_slot(now: datetime) -> Slot:
    """The next slot to start."""
    return Slot(epoch_at(now.timestamp()) + 1)


def current_slot(now: datetime) -> Slot:
    """The slot that holds `now`."""
    return Slot(epoch_at(now.timestamp()))


def slot_of_key(key: str) -> Slot:
    """The slot whose run has this partition key.

    Raises:
        ConfigError: the key is not a moment of issue (minute 20 or 50 of an hour, UTC).
    """
    try:
        issued = datetime.strptime(key, KEY_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise ConfigError(f"partition key {key!r} is not of the form {KEY_FORMAT}, UTC") from error
    return _starting_at(issued + timedelta(seconds=PLAN_LEAD_S), f"partition key {key!r}")


def slot_named(text: str, now: datetime) -> Slot:
    """The slot that a person names: `coming`, `current`, or its start in UTC such as `2026-03-01T12:30`.

    Raises:
        ConfigError: the text is neither, or the time is not on a half hour.
    """
    word = text.strip().lower()
    if word in _WORDS:
        return coming_slot(now) if word == "coming" else current_slot(now)
    try:
        start = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip()))
    except ValueError as error:
        raise ConfigError(
            f"slot {text!r} is neither {' nor '.join(_WORDS)} nor a time such as 2026-03-01T12:30"
        ) from error
    aware = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    return _starting_at(aware, f"slot {text!r}")


def _starting_at(start: datetime, what: str) -> Slot:
    epoch, rest = divmod(start.timestamp(), EPOCH_S)
    if rest:
        raise ConfigError(f"{what}: the slot would start at {start:%H:%M:%S} UTC, slots start at minute 00 and 30")
    return Slot(int(epoch))
