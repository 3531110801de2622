"""The scheduler: which requests are in the batch at the next step. Stateful and pure: no clock, no I/O."""

from collections.abc import Iterable
from itertools import islice
from math import inf

from freesh_plugin.core.errors import FreeshError
from freesh_plugin.runtime.admission import refusal_of
from freesh_plugin.runtime.appraiser import Appraiser
from freesh_plugin.runtime.dues import answers_due, firsts_due
from freesh_plugin.runtime.entry import Entry, Place
from freesh_plugin.runtime.fairness import FairShares
from freesh_plugin.runtime.governor_signals import Dues
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.memory import Memory
from freesh_plugin.runtime.order import order_of
from freesh_plugin.runtime.pace import Pace
from freesh_plugin.runtime.rescue import RescueBudget
from freesh_plugin.runtime.selection import Selection
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_choice import Changes, StepChoice
from freesh_plugin.runtime.step_decision import Refusal, StepDecision, StepLimits
from freesh_plugin.runtime.waiting_queue import WaitingQueue


class SchedulerError(FreeshError):
    """The scheduler was told something that cannot be."""


class Scheduler:
    """Holds every request that waits, runs or is parked, and decides at each step who runs.

    The caller tells what happens (`arrive`, `progress`, `pin`, `leave`, `left_batch`), asks `decide` before each step
    and carries the decision out. Times are seconds of one monotonic clock.
    """

    def __init__(self, settings: SchedulerSettings, pace: Pace, memory: Memory) -> None:
        self._settings = settings
        self._pace = pace
        self._memory = memory
        self._order = order_of(settings)
        self._rescues = RescueBudget(settings.stalled_share)
        self._shares = FairShares(settings.fair_memory_s, settings.fair_power)
        self._appraiser = Appraiser(settings, pace, memory, self._order, self._shares)
        self._entries: dict[int, Entry] = {}
        self._running: dict[int, Entry] = {}
        self._queue = WaitingQueue()
        self._pace_revision = pace.revision
        self._pins_matter = False
        self._held: StepDecision | None = None
        self._held_batch = 0
        self._most_prefill_tokens = 0

    @property
    def waiting(self) -> int:
        """How many requests wait, parked ones included."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """How many requests are in the batch."""
        return len(self._running)

    def dues(self, now_s: float) -> Dues:
        """What was promised and is not there yet.

        No answers where a step brings several tokens: how many of them it will be is not known.
        """
        running = self._running.values()
        answers = answers_due(running, now_s) if self._settings.tokens_per_step == 1 else ()
        firsts = firsts_due(running, self._queue.by_age(), now_s, self._most_prefill_tokens)
        return Dues(tuple(answers), tuple(firsts))

    def arrive(self, job: Job, now_s: float) -> Refusal | None:
        """Queue a request, or refuse it at once.

        Raises:
            SchedulerError: a request of this id is here already.
        """
        if job.request_id in self._entries:
            raise SchedulerError(f"request {job.request_id} has arrived already")
        refusal = refusal_of(job, len(self._queue), self._settings)
        if refusal is None:
            entry = self._entries[job.request_id] = Entry(job)
            self._shares.enter(job.client)
            self._enqueue(entry, now_s)
        return refusal

    def adopt(self, job: Job, generated_tokens: int, now_s: float) -> None:
        """Take over a request that is in the batch already, from a scheduler that was given up."""
        entry = self._entries[job.request_id] = self._running[job.request_id] = Entry(job)
        entry.place, entry.since_s, entry.generated = Place.RUNNING, now_s, generated_tokens
        entry.refine()
        self._shares.enter(job.client)
        self._held = None

    def leave(self, request_id: int) -> None:
        """Forget a request that has ended, was cancelled or failed; unknown ids are ignored."""
        entry = self._entries.pop(request_id, None)
        if entry is None:
            return
        self._held = None
        self._appraiser.charge_tokens(entry)
        self._shares.exit(entry.job.client)
        if self._running.pop(request_id, None) is None:
            self._queue.remove(entry)

    def progress(self, request_id: int, generated_tokens: int) -> None:
        """Tell how many tokens of its answer a running request has now, over all its legs."""
        self.progress_all(((request_id, generated_tokens),))

    def progress_all(self, generated: Iterable[tuple[int, int]]) -> None:
        """`progress` of many requests: (id, tokens) pairs; ids that do not run are ignored."""
        running = self._running
        for request_id, tokens in generated:
            entry = running.get(request_id)
            if entry is not None:
                entry.generated = tokens
                if tokens >= entry.checkpoint:
                    entry.refine()
                    entry.appraised_s = -inf
                    self._held = None

    def pin(self, request_id: int, pinned: bool) -> None:
        """Tell whether the engine can cut a request right now; unknown ids are ignored."""
        entry = self._entries.get(request_id)
        if entry is not None and entry.pinned != pinned:
            entry.pinned = pinned
            if not pinned and self._pins_matter:
                self._held = None

    def left_batch(self, request_ids: Iterable[int], now_s: float) -> None:
        """Tell that running requests are out of the batch against the scheduler's will: they wait to be resumed."""
        for request_id in request_ids:
            entry = self._running.pop(request_id, None)
            if entry is not None:
                entry.park(now_s)
                self._enqueue(entry, now_s)

    def decide(self, limits: StepLimits, now_s: float) -> StepDecision:
        """Decide on the next step; the caller carries it out."""
        held = self._still_held(limits, now_s)
        if held is None:
            self._most_prefill_tokens = max(self._most_prefill_tokens, limits.prefill_tokens)
            choice = self._choose(limits, now_s)
            held = self._apply(choice, now_s)
        self._held, self._held_batch = held, limits.batch
        return held

    def skip(self, steps: int) -> None:
        """Tell that so many steps, no more than the decision held for, were made without asking."""
        held = self._held
        if held is not None and steps:
            self._held = StepDecision(
                keep=tuple(self._running) if held.changes else held.keep,
                holds_for_steps=held.holds_for_steps - steps,
                holds_until_s=held.holds_until_s,
            )

    # Holding a decision

    def _still_held(self, limits: StepLimits, now_s: float) -> StepDecision | None:
        """The same decision again, if nothing has happened that could change it."""
        held = self._held
        if held is None or held.holds_for_steps < 1 or now_s >= held.holds_until_s or limits.batch != self._held_batch:
            return None
        keep = tuple(self._running) if held.changes else held.keep
        return StepDecision(keep=keep, holds_for_steps=held.holds_for_steps - 1, holds_until_s=held.holds_until_s)

    def _hold(self, choice: StepChoice, now_s: float) -> tuple[int, float]:
        """For how many further steps, and until when, nothing is reconsidered by itself."""
        if choice.short_of_prefill:
            return 0, now_s
        oldest = self._queue.oldest
        if oldest is None:
            return _FOREVER, inf
        self._pins_matter = any(entry.pinned for entry in self._running.values())
        first = self._queue.first_start_s is not None
        until_s = now_s + (min(self._settings.review_s, self._lasts_s) if first else self._settings.review_s)
        if oldest.since_s + self._order.stall_limit_s > now_s:
            until_s = min(until_s, oldest.since_s + self._order.stall_limit_s)
        tokens = min((entry.checkpoint - entry.generated for entry in self._running.values()), default=_FOREVER)
        return max(int(min(tokens, _FOREVER)) - 1, 0) // self._settings.tokens_per_step, until_s

    # Choosing

    def _choose(self, limits: StepLimits, now_s: float) -> StepChoice:
        choice = StepChoice(self._memory, limits, len(self._running))
        if not self._queue and choice.free_slots >= 0:
            return choice
        self._appraise_what_is_due(now_s)
        selection = Selection(self._order, self._queue, lambda: self._appraised_running(now_s), choice)
        selection.shrink()
        self._rescue(selection, now_s)
        selection.join_by_urgency(self._candidates(max(choice.free_slots, 0) + _LOOK_BEYOND, now_s))
        return choice

    def _candidates(self, count: int, now_s: float) -> list[Entry]:
        """The most urgent of those waiting, with keys as of now."""
        found = self._queue.first(count)
        if self._lasts_s < inf:
            for entry in found:
                self._reappraise(entry, now_s)
            found.sort(key=lambda entry: (entry.key, entry.request_id))
        return found

    def _rescue(self, selection: Selection, now_s: float) -> None:
        """Let those join that got no token for too long, longest first, as far as they can be afforded."""
        self._rescues.earn(now_s, len(self._running))
        for entry in islice(self._queue.by_age(), _RESCUES_TRIED):
            stalled_s = now_s - entry.since_s
            if stalled_s < self._order.stall_limit_s or not self._rescues.affords_one:
                return
            if selection.rescue(entry, displace=stalled_s >= _DISPLACES_AFTER * self._order.stall_limit_s):
                self._rescues.spend(self._appraiser.start_work_s(entry) + entry.tbt_s)

    def _apply(self, choice: StepChoice, now_s: float) -> StepDecision:
        changes = choice.changes
        resume, admit = _ids_at(changes, Place.PARKED), _ids_at(changes, Place.WAITING)
        for entry in changes.preempt:
            del self._running[entry.request_id]
        keep = tuple(self._running)
        for entry in changes.join:
            self._queue.remove(entry)
            self._appraiser.charge_start(entry)
            entry.join(now_s)
            self._running[entry.request_id] = entry
        for entry in changes.preempt:
            entry.park(now_s)
            self._enqueue(entry, now_s)
        steps, until_s = self._hold(choice, now_s)
        preempt, drop = (tuple(e.request_id for e in each) for each in (changes.preempt, changes.drop))
        return StepDecision((), preempt, drop, resume, admit, keep, steps, until_s)

    # Appraising

    def _appraise_what_is_due(self, now_s: float) -> None:
        """Bring up to date what is too old of those waiting, and what clients had."""
        if self._shares.is_due(now_s):
            self._shares.forget(now_s)
            for entry in self._running.values():
                self._appraiser.charge_tokens(entry)
        self._appraiser.see(self._queue.work_s, self._queue.start_s, len(self._running))
        if self._pace.revision != self._pace_revision:
            self._pace_revision = self._pace.revision
            for entry in self._queue.least_recently_appraised(len(self._queue)):
                self._reappraise(entry, now_s)
        lasts_s = self._lasts_s
        for entry in self._queue.least_recently_appraised(_APPRAISED_AT_ONCE):
            if now_s - entry.appraised_s < lasts_s:
                break
            self._reappraise(entry, now_s)

    def _appraised_running(self, now_s: float) -> list[Entry]:
        """Those in the batch, brought up to date."""
        running = list(self._running.values())
        for entry in running:
            if now_s - entry.appraised_s >= self._order.running_lasts_s:
                self._appraiser.appraise(entry, now_s)
        return running

    @property
    def _lasts_s(self) -> float:
        """Seconds for which keys of those waiting stay good."""
        return self._order.lasts_s(self._appraiser.delay_s, self._queue.first_start_s)

    def _reappraise(self, entry: Entry, now_s: float) -> None:
        self._queue.place_anew(entry, lambda each: self._appraiser.appraise(each, now_s))

    def _enqueue(self, entry: Entry, now_s: float) -> None:
        self._appraiser.appraise(entry, now_s)
        self._queue.add(entry)
        self._held = None


def _ids_at(changes: Changes, place: Place) -> tuple[int, ...]:
    return tuple(entry.request_id for entry in changes.join if entry.place is place)


_FOREVER = 1 << 30
_LOOK_BEYOND = 8
"""So many more requests than there are free places are tried at a step."""
_APPRAISED_AT_ONCE = 32
_RESCUES_TRIED = 16
_DISPLACES_AFTER = 1.2
"""Who has stalled for too long takes the next free place; after so many times as long, that of another."""
