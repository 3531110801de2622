"""The scheduler: which requests are in the batch at the next step. Stateful and pure: no clock, no I/O."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from math import inf

from freesh_plugin.core.errors import FreeshError
from freesh_plugin.runtime.entry import Entry, Place
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.memory import Memory
from freesh_plugin.runtime.order import order_of
from freesh_plugin.runtime.pace import Pace
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_choice import StepChoice, by_place
from freesh_plugin.runtime.step_decision import Refusal, StepDecision, StepLimits


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
        self._entries: dict[int, Entry] = {}
        self._running: dict[int, Entry] = {}
        self._waiting: list[tuple[float, int]] = []
        self._held: StepDecision | None = None
        self._held_limits: StepLimits | None = None
        self._hold_left = 0
        self._pins_mattered = False
        self._pace_revision = pace.revision

    @property
    def waiting(self) -> int:
        """How many requests wait, parked ones included."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many requests are in the batch."""
        return len(self._running)

    def arrive(self, job: Job, now_s: float) -> Refusal | None:
        """Queue a request, or refuse it at once.

        Raises:
            SchedulerError: a request of this id is here already.
        """
        if job.request_id in self._entries:
            raise SchedulerError(f"request {job.request_id} has arrived already")
        refusal = self._refusal(job)
        if refusal is None:
            entry = self._entries[job.request_id] = Entry(job)
            self._enqueue(entry)
            self._held = None
        return refusal

    def leave(self, request_id: int) -> None:
        """Forget a request that has ended, was cancelled or failed; unknown ids are ignored."""
        entry = self._entries.pop(request_id, None)
        if entry is None:
            return
        self._held = None
        if self._running.pop(request_id, None) is None:
            self._dequeue(entry)

    def progress(self, request_id: int, generated_tokens: int) -> None:
        """Tell how many tokens of its answer a running request has now."""
        entry = self._running.get(request_id)
        if entry is not None:
            entry.generated = generated_tokens
            if generated_tokens >= entry.checkpoint:
                entry.refine()
                self._held = None

    def progress_all(self, generated: Iterable[tuple[int, int]]) -> None:
        """`progress` of many requests: (id, tokens) pairs."""
        running = self._running
        for request_id, tokens in generated:
            entry = running.get(request_id)
            if entry is not None:
                entry.generated = tokens
                if tokens >= entry.checkpoint:
                    entry.refine()
                    self._held = None

    def pin(self, request_id: int, pinned: bool) -> None:
        """Tell whether the engine can cut a request right now; unknown ids are ignored."""
        entry = self._entries.get(request_id)
        if entry is not None and entry.pinned != pinned:
            entry.pinned = pinned
            if not pinned and self._pins_mattered:
                self._held = None

    def left_batch(self, request_ids: Iterable[int], now_s: float) -> None:
        """Tell that running requests are out of the batch against the scheduler's will: they wait to be resumed."""
        for request_id in request_ids:
            entry = self._running.pop(request_id, None)
            if entry is not None:
                self._park(entry, now_s)
                self._held = None

    def decide(self, limits: StepLimits, now_s: float) -> StepDecision:
        """Decide on the next step; the caller carries it out."""
        held = self._still_held(limits, now_s)
        if held is not None:
            return held
        if self._pace.revision != self._pace_revision:
            self._rekey()
        choice = self._choose(limits)
        decision = self._carried_out(choice, now_s)
        self._held, self._held_limits, self._hold_left = decision, limits, decision.holds_for_steps
        return decision

    # Admission

    def _refusal(self, job: Job) -> Refusal | None:
        limit = self._settings.total_tokens_limit
        total = job.prompt_tokens + job.max_new_tokens
        if limit is not None and total > limit:
            reason = f"{total} tokens of prompt and answer can never fit, limit {limit} tokens"
            return Refusal(job.request_id, "too_long", reason)
        if len(self._waiting) >= self._settings.waiting_limit:
            reason = f"{len(self._waiting)} requests wait already, limit {self._settings.waiting_limit}"
            return Refusal(job.request_id, "queue_full", reason)
        return None

    # Holding a decision

    def _still_held(self, limits: StepLimits, now_s: float) -> StepDecision | None:
        """The same decision again, if nothing happened that could change it."""
        held = self._held
        if held is None or self._hold_left < 1 or now_s >= held.holds_until_s or limits != self._held_limits:
            return None
        self._hold_left -= 1
        keep = tuple(self._running) if held.changes else held.keep
        self._held = StepDecision(keep=keep, holds_for_steps=self._hold_left, holds_until_s=held.holds_until_s)
        return self._held

    def _hold(self, choice: StepChoice, now_s: float) -> tuple[int, float]:
        """For how many steps, and until when, nothing can change by itself."""
        if choice.short_of_prefill:
            return 0, now_s
        if not self._waiting:
            return _FOREVER, inf
        self._pins_mattered = any(entry.pinned for entry in self._running.values())
        per_step = self._settings.tokens_per_step
        steps = min(
            ((entry.checkpoint - entry.generated - 1) // per_step for entry in self._running.values()),
            default=_FOREVER,
        )
        return int(min(max(steps, 0), _FOREVER)), now_s + self._settings.review_s

    # Choosing

    def _choose(self, limits: StepLimits) -> StepChoice:
        choice = StepChoice(self._memory, limits, len(self._running))
        if not self._waiting:
            return choice
        ranked = self._ranked_running()
        for key, request_id in self._waiting[:_LOOK_AT]:
            entry = self._entries[request_id]
            victims = self._victims(ranked, key, choice)
            if choice.free_slots < 1 and not victims:
                break
            if not choice.join(entry, victims, self._parked_after(key)) and not self._order.preemptive:
                break
        return choice

    def _ranked_running(self) -> list[tuple[float, Entry]]:
        """Running requests that can be preempted, least urgent first."""
        if not self._order.preemptive:
            return []
        found = [(self._key(entry), entry) for entry in self._running.values() if entry.can_be_preempted]
        found.sort(key=lambda pair: -pair[0])
        return found

    def _victims(self, ranked: list[tuple[float, Entry]], key: float, choice: StepChoice) -> list[Entry]:
        least = key + self._order.margin
        gone = choice.changes.preempt
        return [entry for its_key, entry in ranked if its_key > least and entry not in gone]

    def _parked_after(self, key: float) -> list[Entry]:
        """Parked requests less urgent than `key`, least urgent first."""
        later = self._waiting[bisect_left(self._waiting, (key, inf)) :]
        found = (self._entries[request_id] for _, request_id in reversed(later))
        return [entry for entry in found if entry.place is Place.PARKED]

    def _carried_out(self, choice: StepChoice, now_s: float) -> StepDecision:
        changes = choice.changes
        resume, admit = by_place(changes.join, Place.PARKED), by_place(changes.join, Place.WAITING)
        for entry in changes.preempt:
            del self._running[entry.job.request_id]
        keep = tuple(self._running)
        for entry in changes.join:
            self._dequeue(entry)
            entry.place = Place.RUNNING
            self._running[entry.job.request_id] = entry
        for entry in changes.preempt:
            self._park(entry, now_s)
        steps, until_s = self._hold(choice, now_s)
        drop, preempt = (tuple(e.job.request_id for e in each) for each in (changes.drop, changes.preempt))
        return StepDecision((), drop, preempt, resume, admit, keep, steps, until_s)

    def _park(self, entry: Entry, now_s: float) -> None:
        entry.place = Place.PARKED
        entry.waits_since_s = now_s
        self._enqueue(entry)

    # The queue

    def _key(self, entry: Entry) -> float:
        prefill = 0 if entry.place is Place.RUNNING else self._memory.prefill_tokens(entry.job.request_id)
        return self._order.key(entry, self._pace.service_s(entry.job, prefill, entry.remaining_tokens))

    def _enqueue(self, entry: Entry) -> None:
        entry.key = self._key(entry)
        insort(self._waiting, (entry.key, entry.job.request_id))

    def _dequeue(self, entry: Entry) -> None:
        del self._waiting[bisect_left(self._waiting, (entry.key, entry.job.request_id))]

    def _rekey(self) -> None:
        """Sort anew, since the pace has changed."""
        self._pace_revision = self._pace.revision
        entries = [self._entries[request_id] for _, request_id in self._waiting]
        for entry in entries:
            entry.key = self._key(entry)
        self._waiting = sorted((entry.key, entry.job.request_id) for entry in entries)


_FOREVER = 1 << 30
_LOOK_AT = 256
"""So many waiting requests are tried at a step; those behind would hardly fit where these did not."""
