"""Books of energy: nothing is lost between slots, and what outlasts the workload is one slot more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.simulator.energy_books import EnergyBooks
from models.simulator.instance_types import Draw

TIMES = st.floats(0, 2000)


def by_slot(books: EnergyBooks, draw: Draw) -> dict[int, float]:
    return {slot: cell.joules[draw] for _, slot, cell in books.cells()}


@given(st.lists(st.tuples(TIMES, st.floats(0, 900), st.floats(0, 1e6)), max_size=20))
def test_joules_are_kept_when_they_are_spread_over_slots(drawn: list[tuple[float, float, float]]) -> None:
    books = EnergyBooks(1000.0)
    for start_s, spent_s, energy_j in drawn:
        books.draw("here", start_s, start_s + spent_s, energy_j, Draw.BUSY)
    assert books.total_j(Draw.BUSY) == pytest.approx(sum(energy_j for _, _, energy_j in drawn))


def test_joules_are_spread_evenly() -> None:
    books = EnergyBooks(900.0)
    books.draw("here", 200.0, 700.0, 500.0, Draw.IDLE)
    assert by_slot(books, Draw.IDLE) == pytest.approx({0: 100, 1: 300, 2: 100})


def test_what_is_drawn_after_the_workload_is_one_slot_more() -> None:
    books = EnergyBooks(450.0)
    books.draw("here", 400.0, 900.0, 500.0, Draw.BUSY)
    assert by_slot(books, Draw.BUSY) == pytest.approx({1: 50, 2: 450})


def test_a_load_that_takes_no_time_is_booked_whole() -> None:
    books = EnergyBooks(900.0)
    books.draw("here", 300.0, 300.0, 70.0, Draw.LOADING)
    assert books.cell("here", 1).joules[Draw.LOADING] == 70.0


def test_hosts_are_no_gpus() -> None:
    books = EnergyBooks(300.0)
    books.draw("here", 0.0, 300.0, 5.0, Draw.HOST)
    books.draw("here", 0.0, 300.0, 2.0, Draw.PARKED)
    cell = books.cell("here", 0)
    assert (cell.gpu_j, cell.site_j) == (2.0, 7.0)
