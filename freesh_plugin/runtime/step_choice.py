"""Chooses the next step's batch within batch size, prompt tokens and memory; every change is tried on a copy first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from freesh_plugin.runtime.entry import Entry, Place
from freesh_plugin.runtime.memory import Memory, MemoryTrial
from freesh_plugin.runtime.step_decision import StepLimits


@dataclass(slots=True)
class Changes:
    """What a step changes, in the order in which it is carried out."""

    preempt: list[Entry] = field(default_factory=list)
    drop: list[Entry] = field(default_factory=list)
    join: list[Entry] = field(default_factory=list)

    def copy(self) -> "Changes":
        """An independent copy."""
        return Changes(list(self.preempt), list(self.drop), list(self.join))


class StepChoice:
    """A step's choice while it is made.

    Attributes:
        changes: What was chosen so far.
        free_slots: How many more requests the batch can hold.
        short_of_prefill: Whether a request was left waiting only for want of prompt tokens in this step.
    """

    def __init__(self, memory: Memory, limits: StepLimits, running: int) -> None:
        self._memory = memory
        self._limits = limits
        self._prefill_left = limits.prefill_tokens
        self._tried_on: MemoryTrial | None = None
        self.changes = Changes()
        self.free_slots = limits.batch - running
        self.short_of_prefill = False

    def join(self, entry: Entry, victims: Iterator[Entry], parked: Iterable[Entry]) -> bool:
        """Take `entry` into the batch if it fits, freeing what it takes.

        First a victim leaves if there is no place, then parked requests give up the state they keep, then further
        victims leave, at last without what they would keep, each in the order given. Nothing changes if it does not
        fit even so.
        """
        cost = self._prefill_cost(entry)
        if cost is None:
            self.short_of_prefill = True
            return False
        before, slots = self.changes.copy(), self.free_slots
        left = self._make_place(victims)
        if left is None or not self._fits(entry, left, victims, parked):
            self.changes, self.free_slots = before, slots
            if left is not None:
                self._replay()
            return False
        self._prefill_left -= cost
        self.free_slots -= 1
        self.changes.join.append(entry)
        return True

    @property
    def _trial(self) -> MemoryTrial:
        if self._tried_on is None:
            self._tried_on = self._memory.trial()
        return self._tried_on

    def leave(self, entry: Entry) -> None:
        """Take a running request out of the batch."""
        self._trial.park(entry.request_id)
        self.changes.preempt.append(entry)
        self.free_slots += 1

    def _make_place(self, victims: Iterator[Entry]) -> list[Entry] | None:
        """Have a victim leave if the batch is full; None if there is none."""
        if self.free_slots > 0:
            return []
        victim = next(victims, None)
        if victim is None:
            return None
        self.leave(victim)
        return [victim]

    def _fits(self, entry: Entry, left: list[Entry], victims: Iterator[Entry], parked: Iterable[Entry]) -> bool:
        if self._trial.add(entry.request_id):
            return True
        joining = {entry.request_id, *(each.request_id for each in self.changes.join)}
        keeping = (kept for kept in parked if kept.request_id not in joining and self._memory.keeps(kept.request_id))
        for kept in chain(keeping, left):
            if kept not in self.changes.drop and self._drop(kept, entry):
                return True
        for victim in victims:
            self.leave(victim)
            if self._trial.add(entry.request_id) or self._drop(victim, entry):
                return True
        return False

    def _drop(self, kept: Entry, entry: Entry) -> bool:
        """Take away what `kept` keeps; returns whether `entry` fits now."""
        self._trial.drop(kept.request_id)
        self.changes.drop.append(kept)
        return self._trial.add(entry.request_id)

    def _prefill_cost(self, entry: Entry) -> int | None:
        """Prompt tokens this entry takes of the step's budget; None if it has to wait for the next step.

        A prompt larger than the whole budget is computed in part where that is possible, and alone where it is not.
        """
        tokens = self._memory.prefill_tokens(entry.request_id)
        left = self._prefill_left
        if tokens <= left:
            return tokens
        if left < 1:
            return None
        if left == self._limits.prefill_tokens:
            return left
        # What is computed in part comes last, and requests that are resumed come before those that are admitted.
        comes_last = entry.place is Place.WAITING or all(each.place is Place.PARKED for each in self.changes.join)
        return left if self._limits.chunked and comes_last else None

    def _replay(self) -> None:
        """Make the trial anew from what is chosen."""
        self._tried_on = None
        for entry in self.changes.preempt:
            self._trial.park(entry.request_id)
        for entry in self.changes.drop:
            self._trial.drop(entry.request_id)
        for entry in self.changes.join:
            self._trial.add(entry.request_id)
