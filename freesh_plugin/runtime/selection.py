"""Selects who joins the batch and who leaves it, by a policy's order."""

from collections.abc import Callable, Iterator
from itertools import islice

from freesh_plugin.runtime.entry import Entry, Place
from freesh_plugin.runtime.order import Order
from freesh_plugin.runtime.step_choice import StepChoice
from freesh_plugin.runtime.waiting_queue import WaitingQueue


class Selection:
    """One step's selection.

    Attributes:
        choice: What was chosen so far.
    """

    def __init__(
        self, order: Order, queue: WaitingQueue, running: Callable[[], list[Entry]], choice: StepChoice
    ) -> None:
        """`running` is asked for those in the batch, with keys as of now, if anybody may have to leave."""
        self._order = order
        self._queue = queue
        self._running = running
        self._sorted: list[Entry] | None = None
        self.choice = choice

    def shrink(self) -> None:
        """Let the least urgent leave while there are more than the batch may hold."""
        if self.choice.free_slots >= 0:
            return
        for entry in list(self._least_urgent()):
            self.choice.leave(entry)
            if self.choice.free_slots >= 0:
                return

    def rescue(self, entry: Entry, *, displace: bool) -> bool:
        """Let one join that has stalled for too long; if it may displace, in the place of the least urgent.

        Returns whether it joined.
        """
        victims = islice(self._least_urgent(), int(displace))
        entry.rescued = self.choice.join(entry, victims, self._parked_after(entry))
        return entry.rescued

    def join_by_urgency(self, candidates: list[Entry]) -> None:
        """Let candidates join, most urgent first, in free places and in those of less urgent ones."""
        failures = 0
        for entry in candidates:
            if entry in self.choice.changes.join:
                continue
            if self.choice.join(entry, self._outweighed(entry.claim), self._parked_after(entry)):
                continue
            failures += 1
            if failures >= _FAILURES or not self._order.preemptive or self.choice.short_of_prefill:
                return
            if self.choice.free_slots < 1:
                return

    def _least_urgent(self) -> Iterator[Entry]:
        """Running requests that can leave, least urgent first."""
        for entry in self._victims():
            if entry not in self.choice.changes.preempt:
                yield entry

    def _victims(self) -> list[Entry]:
        """Running requests that can leave, least urgent first; not made before somebody looks."""
        if self._sorted is None:
            running = self._running() if self._order.preemptive else []
            self._sorted = [entry for entry in running if entry.can_be_preempted]
            self._sorted.sort(key=_by_key, reverse=True)
        return self._sorted

    def _outweighed(self, claim: float) -> Iterator[Entry]:
        """Of those as many as `claim` outweighs together."""
        keys: list[float] = []
        for entry in self._least_urgent():
            keys.append(entry.key)
            if not self._order.outweighs(claim, keys):
                return
            yield entry

    def _parked_after(self, entry: Entry) -> Iterator[Entry]:
        """Parked requests that are less urgent, least urgent first."""
        return (other for other in self._queue.after(entry) if other.place is Place.PARKED)


_FAILURES = 8
"""After so many that do not fit, the step goes on without trying more."""


def _by_key(entry: Entry) -> float:
    return entry.key
