"""What the runtime needs from the world, as Protocols; adapters implement them, tests fake them."""

from typing import Protocol

from freesh_plugin.core.plan_document import PlanDocument
from freesh_plugin.core.plan_status import PlanAnswer, RuntimeStatus, Verdict


class Clock(Protocol):
    """Source of time."""

    def utc_s(self) -> float:
        """Seconds UTC since 1970, for epochs."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never run backwards, for laxity and timeouts."""
        ...


class PlanStore(Protocol):
    """Keeps the plan in force, and those waiting for their time, across restarts."""

    def load(self) -> tuple[PlanDocument, ...]:
        """Plans saved and not removed, oldest first; what cannot be read is set aside and left out."""
        ...

    def save(self, document: PlanDocument) -> None:
        """Store one plan atomically: after an error or a crash it is there wholly or not at all.

        Raises:
            PlanError: the plan could not be stored (a full disk, no permission); the others are untouched.
        """
        ...

    def remove(self, document: PlanDocument) -> None:
        """Forget one plan; a failure is logged, since a plan too many does no harm."""
        ...


class PlanDesk(Protocol):
    """Where plans are offered and looked up; safe to call from several threads."""

    def accept(self, text: bytes) -> PlanAnswer:
        """Check, order and store an offered plan; never raises for what the text holds."""
        ...

    def refuse(self, verdict: Verdict, reason: str) -> PlanAnswer:
        """Count and answer a plan that was refused before it was read."""
        ...

    def in_force(self) -> PlanDocument | None:
        """The plan in force now."""
        ...

    def status(self) -> RuntimeStatus:
        """State of everything, now."""
        ...
