"""Joules and seconds by location, slot and what they went into, as instances, parked GPUs and hosts draw them."""

from collections.abc import Iterator
from math import ceil, inf

from models.simulator.instance_types import Draw
from models.simulator.signals import SLOT_S


class Cell:
    """One location in one slot.

    Attributes:
        joules: By draw, GPU side; hosts as they are.
        busy_s, ready_s: Seconds that instances computed, and were loaded, summed over instances.
        clock_mhz_s: SM clock times seconds, over `ready_s`.
        served: Requests that ended well.
    """

    __slots__ = ("busy_s", "clock_mhz_s", "joules", "ready_s", "served")

    def __init__(self) -> None:
        self.joules: dict[Draw, float] = dict.fromkeys(Draw, 0.0)
        self.busy_s = 0.0
        self.ready_s = 0.0
        self.clock_mhz_s = 0.0
        self.served = 0

    @property
    def gpu_j(self) -> float:
        """Joules of the GPUs."""
        return sum(self.joules.values()) - self.joules[Draw.HOST]

    @property
    def site_j(self) -> float:
        """Joules of GPUs and hosts, before PUE."""
        return sum(self.joules.values())


class EnergyBooks:
    """Cells by location and slot, made as they are needed.

    Args:
        end_s: End of the workload. What is drawn after it is one slot more, however long.
    """

    def __init__(self, end_s: float) -> None:
        self._end_s, self._after = end_s, ceil(end_s / SLOT_S)
        self._cells: dict[tuple[str, int], Cell] = {}

    def cell(self, location: str, slot: int) -> Cell:
        """One location in one slot."""
        key = (location, slot)
        if key not in self._cells:
            self._cells[key] = Cell()
        return self._cells[key]

    def cells(self) -> Iterator[tuple[str, int, Cell]]:
        """Location, slot and cell, by location and time."""
        for location, slot in sorted(self._cells):
            yield location, slot, self._cells[location, slot]

    def slot(self, at_s: float) -> int:
        """Slot of a moment."""
        return int(at_s // SLOT_S) if at_s < self._end_s else self._after

    def slot_end_s(self, slot: int) -> float:
        """When a slot ends."""
        return min((slot + 1) * SLOT_S, self._end_s) if slot < self._after else inf

    def shares(self, start_s: float, end_s: float) -> Iterator[tuple[int, float]]:
        """Slots that a time touches, with the share of it that lies in each."""
        slot = self.slot(start_s)
        if end_s <= self.slot_end_s(slot):
            yield slot, 1.0
            return
        at_s = start_s
        while at_s < end_s:
            until_s = min(end_s, self.slot_end_s(slot))
            yield slot, (until_s - at_s) / (end_s - start_s)
            at_s, slot = until_s, slot + 1

    def draw(self, location: str, start_s: float, end_s: float, energy_j: float, draw: Draw) -> None:
        """Book joules that were drawn evenly from `start_s` to `end_s`."""
        for slot, share in self.shares(start_s, end_s):
            self.cell(location, slot).joules[draw] += energy_j * share

    def total_j(self, draw: Draw) -> float:
        """Joules of one kind over all."""
        return sum(cell.joules[draw] for cell in self._cells.values())
