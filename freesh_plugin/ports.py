"""What the runtime needs from the world, as Protocols; adapters implement them, tests fake them."""

from typing import Protocol


class Clock(Protocol):
    """Source of time."""

    def utc_s(self) -> float:
        """Seconds UTC since 1970, for epochs."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never run backwards, for laxity and timeouts."""
        ...


class PlanStore(Protocol):
    """Keeps the plan in force across restarts."""

    def load(self) -> bytes | None:
        """Text of the last plan saved, or None."""
        ...

    def save(self, text: bytes) -> None:
        """Store atomically: after an error or a crash the previous plan is still whole.

        Raises:
            PlanError: the plan could not be stored (a full disk, no permission).
        """
        ...
