"""The epochs of an evaluation: what each plan rules, and when it is issued."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.units import EPOCH_S


@dataclass(frozen=True)
class Epoch:
    """The interval that one plan rules.

    Attributes:
        issued_at: What had ended by then is known, nothing else; aware UTC.
        starts_at: Start of the first step, aware UTC.
        steps: Steps that the plan covers.
        step_s: Length of a step, seconds.
    """

    issued_at: datetime
    starts_at: datetime
    steps: int
    step_s: int

    @property
    def length_s(self) -> int:
        """Length in seconds."""
        return self.steps * self.step_s

    @property
    def ends_at(self) -> datetime:
        """End of the last step."""
        return self.starts_at + timedelta(seconds=self.length_s)

    @property
    def slot(self) -> int:
        """Number of the half-hour slot that it starts in."""
        return int(self.starts_at.timestamp() // EPOCH_S)


def epochs_between(start: datetime, end: datetime, *, steps: int, step_s: int, lead_s: int) -> list[Epoch]:
    """The whole epochs from `start` until `end`, one after another, each issued `lead_s` before it starts.

    Raises:
        ConfigError: a moment without a time zone, an epoch that is no whole number of half hours, or none that fits.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ConfigError(f"start {start.isoformat()} and end {end.isoformat()} must both have a time zone")
    length_s = steps * step_s
    if length_s < EPOCH_S or length_s % EPOCH_S or start.timestamp() % EPOCH_S:
        raise ConfigError(
            f"{steps} steps of {step_s} s from {start:%Y-%m-%dT%H:%M:%SZ}: an epoch starts on a slot of {EPOCH_S} s "
            f"and is a whole number of them, {length_s} s is not"
        )
    count = int((end - start).total_seconds() // length_s)
    if count < 1:
        raise ConfigError(f"no whole epoch of {length_s} s from {start:%Y-%m-%dT%H:%MZ} to {end:%Y-%m-%dT%H:%MZ}")
    starts = (start + timedelta(seconds=k * length_s) for k in range(count))
    return [Epoch(each - timedelta(seconds=lead_s), each, steps, step_s) for each in starts]
