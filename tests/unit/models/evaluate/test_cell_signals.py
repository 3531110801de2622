"""What a cell is scored by: every slot of its workload has its signals, a last one that is filled in part too."""

import pytest

from models.allocation import SolveWorker
from models.commands.planning import planning
from models.commands.simulated_hours import Asked, cells, hours_asked
from models.evaluate.cell import signals_of
from models.evaluate.own_hour import OwnTraffic


@pytest.mark.parametrize(("hours", "last_piece_s", "slots"), [(1.02, 72, 1), (0.12, 432, 2), (0.25, 900, 3)])
def test_a_slot_that_is_filled_in_part_has_its_carbon(hours: float, last_piece_s: int, slots: int) -> None:
    *_, piece = hours_asked(Asked(OwnTraffic(rate_rps=0.5), hours))
    assert piece.workload.duration_s == pytest.approx(last_piece_s)
    with SolveWorker() as worker:
        carbon = signals_of(cells(planning(worker, 0.02, 10.0), "mid")(piece)).average_gco2e_per_kwh
    assert {name: len(values) for name, values in carbon.items()} == dict.fromkeys(("loc1", "loc2", "loc3"), slots)
    assert all(value is not None for values in carbon.values() for value in values)
