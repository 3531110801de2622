"""Which plan is in force: accepts plans by (epoch, revision) and tells their state at a time."""

from dataclasses import dataclass

from freesh_plugin.core.plan_document import PlanDocument
from freesh_plugin.core.plan_status import PlanState, Verdict
from freesh_plugin.core.units import EPOCH_S, epoch_at


@dataclass(frozen=True)
class Offer:
    """Decision on an offered plan, with its reason in a sentence."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class PlanView:
    """The plans at one time: the one in force with its state and age in seconds, and those waiting, soonest first."""

    in_force: PlanDocument | None
    state: PlanState
    age_s: float | None
    waiting: tuple[PlanDocument, ...]


class PlanKeeper:
    """Holds the newest revision of each recent epoch.

    A plan is accepted before its epoch starts, so the one in force and those waiting are held side by side. What is
    held depends on the plans alone, never on the clock: a clock that jumps and comes back changes nothing.
    """

    def __init__(self, max_lead_s: int) -> None:
        """Refuse plans that start more than `max_lead_s` seconds ahead."""
        self._max_lead_s = max_lead_s
        self._capacity = max_lead_s // EPOCH_S + 2
        self._held: tuple[PlanDocument, ...] = ()

    @property
    def held(self) -> tuple[PlanDocument, ...]:
        """Plans held, oldest first."""
        return self._held

    def offer(self, offered: PlanDocument, now_s: float) -> Offer:
        """Decide on an offered plan at `now_s` (UTC); nothing changes until `keep`."""
        last_epoch = epoch_at(now_s + self._max_lead_s)
        if offered.plan.epoch > last_epoch:
            return Offer(Verdict.INVALID, self._too_far_ahead(offered, now_s))
        # A plan taken in while the clock ran ahead must not block the true ones: it does not count.
        known = [document for document in self._held if document.plan.epoch <= last_epoch]
        if not known or offered.order > known[-1].order:
            return Offer(Verdict.ACCEPTED, "")
        return _not_newer(offered, known[-1])

    def keep(self, document: PlanDocument) -> tuple[PlanDocument, ...]:
        """Hold an accepted plan; returns the plans that are held no longer.

        Those are the older revisions of its epoch, plans beyond it (see `offer`), and epochs too old to matter.
        """
        older = [held for held in self._held if held.plan.epoch < document.plan.epoch]
        before, self._held = self._held, (*older, document)[-self._capacity :]
        kept = {held.order for held in self._held}
        return tuple(held for held in before if held.order not in kept)

    def view(self, now_s: float) -> PlanView:
        """The plans at `now_s` (UTC). A plan that has expired stays in force: last good routes and SLOs go on."""
        held = self._held
        begun = [document for document in held if document.plan.valid_from <= now_s]
        waiting = tuple(document for document in held if document.plan.valid_from > now_s)
        if not begun:
            return PlanView(None, PlanState.NONE, None, waiting)
        in_force = begun[-1]
        return PlanView(in_force, _state(in_force, now_s), now_s - in_force.plan.valid_from, waiting)

    def _too_far_ahead(self, offered: PlanDocument, now_s: float) -> str:
        lead_s = offered.plan.valid_from - now_s
        return (
            f"$.epoch: {offered.plan.epoch} starts {lead_s:.0f} s ahead of this machine's clock, "
            f"limit {self._max_lead_s} s; compare the clocks"
        )


def _state(document: PlanDocument, now_s: float) -> PlanState:
    if now_s < document.plan.stale_after:
        return PlanState.FRESH
    return PlanState.STALE if now_s < document.plan.expires_at else PlanState.EXPIRED


def _not_newer(offered: PlanDocument, newest: PlanDocument) -> Offer:
    if offered.order < newest.order:
        reason = f"{_named(offered)} is older than {_named(newest)}, which is held"
        return Offer(Verdict.OUT_OF_ORDER, reason)
    if offered.plan.digest == newest.plan.digest:
        return Offer(Verdict.UNCHANGED, "already held")
    return Offer(Verdict.OUT_OF_ORDER, f"{_named(offered)} is held with another digest; a change needs a new revision")


def _named(document: PlanDocument) -> str:
    return f"epoch {document.plan.epoch} revision {document.plan.revision}"
