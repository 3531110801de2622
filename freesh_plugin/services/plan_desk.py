"""The plan desk: takes offered plans through check, order and store, and answers for what is in force."""

import logging
import threading
from collections import Counter
from typing import Any

from freesh_plugin.core.errors import PlanError
from freesh_plugin.core.plan import Acknowledgement, PlanMode
from freesh_plugin.core.plan_document import PlanDocument
from freesh_plugin.core.plan_status import PlanAnswer, PlanState, RuntimeStatus, Verdict, summary_of
from freesh_plugin.core.printable import one_line
from freesh_plugin.ports import Clock, PlanStore
from freesh_plugin.runtime.plan_keeper import PlanKeeper

log = logging.getLogger(__name__)

MAX_HOLD_CODES = 100
"""Codes of holds counted apart; further ones are counted as `other`, so that no plan can flood the metrics."""


class StoringPlanDesk:
    """Implements `PlanDesk`: a plan is acknowledged only when it is on disk."""

    def __init__(self, name: str, version: str, clock: Clock, store: PlanStore, keeper: PlanKeeper) -> None:
        """Take up the plans that `store` kept."""
        self._name = name
        self._version = version
        self._clock = clock
        self._store = store
        self._keeper = keeper
        self._accepting = threading.Lock()
        # Apart from the other: a disk that hangs must not hold up refusals and status.
        self._counting = threading.Lock()
        self._accepted = 0
        self._holds: Counter[str] = Counter()
        self._refusals: Counter[Verdict] = Counter()
        self._last_refusal = ""
        self._noted = ""
        for document in store.load():
            keeper.keep(document)

    def accept(self, text: bytes) -> PlanAnswer:
        """Check, order and store an offered plan; one at a time, so the greatest of many wins."""
        with self._accepting:
            try:
                offered = PlanDocument.read(text)
            except PlanError as error:
                return self._refuse(Verdict.INVALID, str(error), None)
            return self._accept(offered)

    def refuse(self, verdict: Verdict, reason: str) -> PlanAnswer:
        """Count and answer a plan that was refused before it was read."""
        return self._refuse(verdict, reason, None)

    def in_force(self) -> PlanDocument | None:
        """The plan in force now."""
        return self._keeper.view(self._clock.utc_s()).in_force

    def status(self) -> RuntimeStatus:
        """State of everything, now."""
        now_s = self._clock.utc_s()
        view = self._keeper.view(now_s)
        plan = view.in_force.plan if view.in_force else None
        return RuntimeStatus(
            name=self._name,
            version=self._version,
            utc_s=now_s,
            state=view.state,
            acting=plan is not None and plan.mode is PlanMode.ACT,
            age_s=view.age_s,
            plan=summary_of(plan) if plan else None,
            waiting=tuple(summary_of(document.plan) for document in view.waiting),
            pools=plan.pools if plan else (),
            holds=plan.holds if plan else (),
            **self._counts(),
        )

    def note_changes(self) -> None:
        """Log when another plan comes into force, or the one in force goes stale or expires."""
        status = self.status()
        plan = status.plan
        now = f"{status.state} epoch={plan.epoch} revision={plan.revision} mode={plan.mode}" if plan else status.state
        if now != self._noted:
            self._noted = now
            late = status.state in (PlanState.STALE, PlanState.EXPIRED)
            log.log(logging.WARNING if late else logging.INFO, "plan_in_force state=%s", now)

    def _counts(self) -> dict[str, Any]:
        with self._counting:
            return {
                "accepted_total": self._accepted,
                "holds_total": dict(self._holds),
                "refusals_total": dict(self._refusals),
                "last_refusal": self._last_refusal,
            }

    def _accept(self, offered: PlanDocument) -> PlanAnswer:
        offer = self._keeper.offer(offered, self._clock.utc_s())
        if not offer.verdict.accepted:
            return self._refuse(offer.verdict, offer.reason, offered)
        if offer.verdict is Verdict.ACCEPTED:
            try:
                self._store.save(offered)
            except PlanError as error:
                return self._refuse(Verdict.NOT_STORED, str(error), offered)
            self._keep(offered)
        log.info("plan_%s epoch=%d revision=%d mode=%s", offer.verdict, *offered.order, offered.plan.mode)
        return PlanAnswer(offer.verdict, _acknowledgement(offered, accepted=True, reason=offer.reason))

    def _keep(self, document: PlanDocument) -> None:
        for dropped in self._keeper.keep(document):
            self._store.remove(dropped)
        with self._counting:
            self._accepted += 1
            for hold in document.plan.holds:
                known = hold.code in self._holds or len(self._holds) < MAX_HOLD_CODES
                self._holds[hold.code if known else "other"] += 1

    def _refuse(self, verdict: Verdict, reason: str, offered: PlanDocument | None) -> PlanAnswer:
        sentence = one_line(reason)
        with self._counting:
            self._refusals[verdict] += 1
            self._last_refusal = f"{verdict}: {sentence}"
        log.warning("plan_refused verdict=%s reason=%s", verdict, sentence)
        return PlanAnswer(verdict, _acknowledgement(offered, accepted=False, reason=sentence))


def _acknowledgement(document: PlanDocument | None, *, accepted: bool, reason: str) -> Acknowledgement:
    """An answer about a plan; epoch and revision are 0 when the plan could not be read."""
    if document is None:
        return Acknowledgement(epoch=0, revision=0, digest="", accepted=accepted, reason=reason)
    plan = document.plan
    return Acknowledgement(plan.epoch, plan.revision, plan.digest, accepted, reason)
