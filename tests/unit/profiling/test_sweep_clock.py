"""A cell is stored under the clock that it had, or not at all: clocks that are lost meanwhile are set again."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from freesh_plugin.core.gpu import ClockReason, GpuError, GpuFailure, GpuReading
from profiling.sweep import measure, sweep
from profiling.sweep.cell import Work, grid
from profiling.sweep.endpoint import Arrivals, Endpoint
from profiling.sweep.held_clock import HeldClock
from profiling.sweep.measure import Care
from profiling.sweep.measured_row import MeasuredRow
from profiling.sweep.meter import Meter
from profiling.sweep.raw_table import read_rows
from profiling.sweep.run_facts import RunFacts
from profiling.sweep.sweep import Listener, Plan

TOP_MHZ = 1980
FACTS = RunFacts("simulated", "bench", "toy", 1, "none", "e", "m")


@dataclass
class Board:
    """One GPU and the way to its clocks, which may be lost, or never work."""

    uuid: str = "GPU-1"
    name: str = "toy"
    clock_mhz: int = TOP_MHZ
    working_mhz: int = TOP_MHZ
    helper_gone: bool = False
    deaf: bool = False
    rests: bool = False
    reasons: ClockReason = field(default_factory=lambda: ClockReason(0))
    told: list[object] = field(default_factory=list)

    def read(self, now_s: float) -> GpuReading:
        if self.rests:
            return GpuReading(now_s, 70.0, 0.0, 210, ClockReason.IDLE)
        return GpuReading(now_s, 300.0, 0.0, min(self.clock_mhz, self.working_mhz), self.reasons)

    def supported_clocks_mhz(self) -> tuple[int, ...]:
        return (600, 990, TOP_MHZ)

    def limit_sm_clock_mhz(self, uuids: tuple[str, ...], sm_clock_mhz: int) -> None:
        self._tell(sm_clock_mhz)
        self.clock_mhz = TOP_MHZ if self.deaf else sm_clock_mhz

    def release(self, uuids: tuple[str, ...]) -> None:
        self._tell("released")
        self.clock_mhz = TOP_MHZ

    def lose(self) -> None:
        """As when the helper is killed: clocks are free, and the next call says so once."""
        self.clock_mhz, self.helper_gone = TOP_MHZ, True

    def _tell(self, what: object) -> None:
        self.told.append(what)
        if self.helper_gone:
            self.helper_gone = False
            raise GpuError(self.uuid, GpuFailure.HELPER_GONE, "it ended since the last call")


class Quick(Endpoint):
    """Answers at once; `on_answer` is told how many it has given."""

    def __init__(self, on_answer: Callable[[int], None] = lambda count: None) -> None:
        super().__init__("http://127.0.0.1:9")
        self.on_answer = on_answer
        self.count = 0

    async def tokens(self, text: str) -> list[tuple[int, int]]:
        spans, start = [], 0
        for word in text.split(" "):
            spans.append((start, start + len(word)))
            start += len(word) + 1
        return spans

    async def stream(self, prompt: str, answer_tokens: int, on_token: Callable[[Arrivals], None]) -> Arrivals:
        arrivals = Arrivals(0.0)
        for k in range(answer_tokens):
            await asyncio.sleep(0.001)
            arrivals.tokens_s.append(0.01 * (k + 1))
            on_token(arrivals)
        self.count += 1
        self.on_answer(self.count)
        return arrivals


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "_SWITCH_S", 0.0)
    monkeypatch.setattr(measure, "_SETTLE_S", 0.0)


def swept(board: Board, table: Path, endpoint: Endpoint) -> tuple[tuple[MeasuredRow, ...], list[str]]:
    """Rows at 990 and 600 MHz, and what was said of faults."""
    cells = grid((990, 600), (1,), (16,), (4,))
    faults: list[str] = []
    plan = Plan(cells, table, Care(repetitions=2, least_s=0.0, warm_up=0), FACTS, seed=1)
    rows = sweep.sweep(plan, lambda: endpoint, Meter([board]), board, Listener(on_fault=faults.append))
    return rows, faults


ALL = [(clock, work) for clock in (990, 600) for work in (Work.IDLE, Work.PREFILL, Work.DECODE)]


def what(rows: Sequence[MeasuredRow]) -> list[tuple[int | None, Work]]:
    return [(row.cell.sm_clock_mhz, row.cell.work) for row in rows]


@pytest.mark.parametrize("at", range(1, 9))
def test_a_clock_that_is_lost_is_set_again_and_its_cell_measured_anew(tmp_path: Path, at: int) -> None:
    board, table = Board(), tmp_path / "raw.csv"
    rows, _ = swept(board, table, Quick(lambda count: board.lose() if count == at else None))
    assert what(rows) == ALL
    assert what(read_rows(table)) == ALL
    assert [row.taken.sm_clock_read_mhz for row in rows] == [990.0] * 3 + [600.0] * 3
    assert board.told[-1] == "released"
    assert board.clock_mhz == TOP_MHZ


def test_what_was_measured_anew_is_said(tmp_path: Path) -> None:
    board = Board()
    _, faults = swept(board, tmp_path / "raw.csv", Quick(lambda count: board.lose() if count == 1 else None))
    assert faults == ["clock read 1980 MHz, not 990: does something else set it? Measured again."]


def test_a_clock_that_cannot_be_held_is_left_out_and_tried_again_later(tmp_path: Path) -> None:
    board, table = Board(deaf=True), tmp_path / "raw.csv"
    rows, faults = swept(board, table, Quick())
    assert rows == ()
    assert not table.exists()
    assert [each.rpartition("? ")[2] for each in faults] == [
        "Measured again.", "Measured again.", "The rest at this clock is left out."
    ] * 2  # fmt: skip
    board.deaf = False
    assert what(swept(board, table, Quick())[0]) == ALL


def test_a_gpu_that_does_not_get_up_to_its_clock_is_not_stored_under_it(tmp_path: Path) -> None:
    board = Board(working_mhz=700)
    rows, _ = swept(board, tmp_path / "raw.csv", Quick())
    assert what(rows) == [(990, Work.IDLE), *ALL[3:]]


def test_a_gpu_that_slows_itself_down_or_rests_is_at_its_clock(tmp_path: Path) -> None:
    slowed = Board(working_mhz=700, reasons=ClockReason.POWER_CAP)
    rows, faults = swept(slowed, tmp_path / "slowed.csv", Quick())
    assert (what(rows), faults) == (ALL, [])
    assert all(row.slowed for row in rows)
    rows, faults = swept(Board(rests=True), tmp_path / "rests.csv", Quick())
    assert (what(rows), faults) == (ALL, [])


def test_a_helper_that_is_gone_for_good_ends_it() -> None:
    class Gone(Board):
        def _tell(self, what: object) -> None:
            raise GpuError(self.uuid, GpuFailure.HELPER_GONE, "no helper can be reached")

    with pytest.raises(GpuError, match="no helper"), HeldClock(Gone(), ("GPU-1",)) as held:
        held.hold(990)
