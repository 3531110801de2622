"""Chooses the next step's batch within batch size, prompt tokens and memory; every change is tried on a copy first."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from freesh_plugin.runtime.entry import Entry, Place
from freesh_plugin.runtime.memory import Memory, MemoryTrial
from freesh_plugin.runtime.step_decision import StepLimits


@dataclass(slots=True)
class Changes:
    """What a step changes, in the order in which it is carried out."""

    drop: list[Entry] = field(default_factory=list)
    preempt: list[Entry] = field(default_factory=list)
    join: list[Entry] = field(default_factory=list)

    def copy(self) -> "Changes":
        """An independent copy."""
        return Changes(list(self.drop), list(self.preempt), list(self.join))


class StepChoice:
    """A step's choice while it is made.

    Attributes:
        changes: What was chosen so far.
        short_of_prefill: Whether a request was left waiting only for want of prompt tokens in this step.
    """

    def __init__(self, memory: Memory, limits: StepLimits, running: int) -> None:
        self._memory = memory
        self._limits = limits
        self._slots = limits.batch - running
        self._prefill_left = limits.prefill_tokens
        self._trial: MemoryTrial = memory.trial()
        self.changes = Changes()
        self.short_of_prefill = False

    @property
    def free_slots(self) -> int:
        """How many more requests the batch can hold."""
        return self._slots

    def join(self, entry: Entry, victims: Iterable[Entry] = (), parked: Iterable[Entry] = ()) -> bool:
        """Take `entry` into the batch if it fits, freeing what it takes.

        First parked requests give up the state they keep, in the order given, then victims leave the batch.
        Nothing changes if it does not fit even so.
        """
        cost = self._prefill_cost(entry)
        if cost is None:
            self.short_of_prefill = True
            return False
        before, slots = self.changes.copy(), self._slots
        if not self._make_room(entry, victims, parked):
            self.changes, self._slots = before, slots
            self._replay()
            return False
        self._prefill_left -= cost
        self._slots -= 1
        self.changes.join.append(entry)
        return True

    def _make_room(self, entry: Entry, victims: Iterable[Entry], parked: Iterable[Entry]) -> bool:
        coming = iter(victims)
        while self._slots < 1:
            victim = next(coming, None)
            if victim is None:
                return False
            self._preempt(victim)
        if self._trial.add(entry.job.request_id):
            return True
        for kept in parked:
            if kept is not entry and kept not in self.changes.drop and self._memory.keeps(kept.job.request_id):
                self._trial.drop(kept.job.request_id)
                self.changes.drop.append(kept)
                if self._trial.add(entry.job.request_id):
                    return True
        for victim in coming:
            self._preempt(victim)
            if self._trial.add(entry.job.request_id):
                return True
        return False

    def _preempt(self, victim: Entry) -> None:
        self._trial.park(victim.job.request_id)
        self.changes.preempt.append(victim)
        self._slots += 1

    def _prefill_cost(self, entry: Entry) -> int | None:
        """Prompt tokens this entry takes of the step's budget; None if it has to wait for the next step."""
        tokens = self._memory.prefill_tokens(entry.job.request_id)
        if tokens <= self._prefill_left:
            return tokens
        if self._limits.chunked:
            return self._prefill_left if self._prefill_left > 0 else None
        untouched = self._prefill_left == self._limits.prefill_tokens
        return self._prefill_left if untouched and self._prefill_left > 0 else None

    def _replay(self) -> None:
        """Make the trial anew from what is chosen."""
        self._trial = self._memory.trial()
        for entry in self.changes.drop:
            self._trial.drop(entry.job.request_id)
        for entry in self.changes.preempt:
            self._trial.park(entry.job.request_id)
        for entry in self.changes.join:
            self._trial.add(entry.job.request_id)


def by_place(entries: Iterable[Entry], place: Place) -> tuple[int, ...]:
    """Ids of those entries that are at a place."""
    return tuple(entry.job.request_id for entry in entries if entry.place is place)
