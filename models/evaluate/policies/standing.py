"""Policies under which the whole fleet stands ready all the time, and requests go to the nearest location."""

from math import inf

from models.evaluate.cell import Cell, Policy, starting_target
from models.evaluate.policies.settings import FCFS_STATIC
from models.simulator.fleet_target import Controller, FleetTarget, FleetView


class Standing:
    """One target from the beginning to the end; None = what the run begins with."""

    def __init__(self, target: FleetTarget | None = None) -> None:
        self._target = target
        self.next_s = inf if target is None else 0.0

    def decide(self, now_s: float, view: FleetView) -> FleetTarget | None:
        """The target, once."""
        self.next_s = inf
        return self._target


def _reference(cell: Cell) -> Controller:
    return Standing()


def _best_static(cell: Cell) -> Controller:
    return Standing(starting_target(cell, cell.tuned.clocks_mhz))


REFERENCE = Policy(
    "reference",
    "All GPUs on in one pool, highest clock, first come first served, nearest location with room.",
    _reference,
    FCFS_STATIC,
)

BEST_STATIC_CLOCK = Policy(
    "best_static_clock",
    "The reference at the one clock of each GPU type that was best on the tuning hours.",
    _best_static,
    FCFS_STATIC,
)
