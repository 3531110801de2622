"""Laws of conservation that every run of the fleet is held to."""

from math import isclose, isinf

from models.simulator.energy_books import EnergyBooks
from models.simulator.fleet_roster import Roster
from models.simulator.instance_types import Draw
from models.simulator.simulation_error import SimulationError

_CLOSE = 1e-9
_CLOSE_S = 1e-6


def held_gpu_s(roster: Roster, end_s: float) -> dict[tuple[str, str], float]:
    """GPU-seconds for which instances held their GPUs until `end_s`, by location and type."""
    found: dict[tuple[str, str], float] = {}
    for each in roster.all():
        if not isinf(each.held_since_s):
            key = (each.key.location, each.engine.gpu_type)
            held_s = min(each.gone_s, end_s) - min(each.held_since_s, end_s)
            found[key] = found.get(key, 0.0) + each.engine.gpus * held_s
    return found


def check_energy(roster: Roster, books: EnergyBooks) -> None:
    """Check that what is booked is what instances drew, and that each is booked for all its time.

    Raises:
        SimulationError: it is not.
    """
    for each in roster.all():
        if each.served and not isinf(each.gone_s) and abs(each.gone_s - each.drawn_until_s) > _CLOSE_S:
            raise SimulationError(
                f"instance {each.number} of {each.key} is gone at {each.gone_s:.6f} s, booked is until "
                f"{each.drawn_until_s:.6f} s"
            )
    drawn_j = sum(each.drawn_j for each in roster.all())
    booked_j = books.total_j(Draw.BUSY) + books.total_j(Draw.IDLE)
    if not isclose(drawn_j, booked_j, rel_tol=_CLOSE, abs_tol=_CLOSE):
        raise SimulationError(f"instances drew {drawn_j:.3f} J, {booked_j:.3f} J are booked")
