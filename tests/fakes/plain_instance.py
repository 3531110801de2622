"""An instance simple enough to book by hand: so many places, first come first served, a fixed time a token."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from freesh_plugin.core.plan import ClockBounds, Slo
from models.domain.engine import EngineModel
from models.simulator.instance_types import Arrival, Draw, InstanceSettings, InstanceSink, Outcome

TTFT_S = 0.5
TBT_S = 0.01
BUSY_W = 400.0
IDLE_W = 100.0
"""Of an instance, whatever its GPUs."""


@dataclass
class PlainInstance:
    """Serves `engine.max_batch` requests at a time; a prompt of more than `engine.kv_tokens` is refused.

    Every request takes TTFT_S to its first token and TBT_S to each further one.
    """

    engine: EngineModel
    settings: InstanceSettings
    sink: InstanceSink
    start_s: float
    adopted: list[tuple[Slo | None, ClockBounds]] = field(default_factory=list)
    busy_s: float = 0.0
    clock_changes: int = 0

    def __post_init__(self) -> None:
        self.now_s = self.start_s
        self._waiting: deque[Arrival] = deque()
        self._running: list[tuple[float, float, Arrival]] = []

    @property
    def outstanding(self) -> int:
        return len(self._waiting) + len(self._running)

    @property
    def outstanding_tokens(self) -> float:
        return float(sum(each.request.answer_tokens for each in self._waiting))

    @property
    def next_change_s(self) -> float:
        if self._running:
            return min(end_s for end_s, _, _ in self._running)
        return self._waiting[0].at_s if self._waiting else inf

    @property
    def clock_mhz(self) -> int:
        return self.engine.clocks_mhz[-1]

    def adopt(self, slo: Slo | None, bounds: ClockBounds) -> None:
        self.adopted.append((slo, bounds))

    def submit(self, arrival: Arrival) -> None:
        self._waiting.append(arrival)

    def advance(self, until_s: float) -> None:
        while self.now_s < until_s:
            self._start()
            self._go(min(until_s, self._next_s()))
            self._finish()

    def give_back_waiting(self) -> Sequence[Arrival]:
        given, self._waiting = list(self._waiting), deque()
        return given

    def _next_s(self) -> float:
        ends_s = [end_s for end_s, _, _ in self._running]
        has_place = len(self._running) < self.engine.max_batch
        comes_s = [self._waiting[0].at_s] if self._waiting and has_place else []
        return min([*ends_s, *comes_s], default=inf)

    def _start(self) -> None:
        while self._waiting and self._waiting[0].at_s <= self.now_s and len(self._running) < self.engine.max_batch:
            arrival = self._waiting.popleft()
            if arrival.request.prompt_tokens > self.engine.kv_tokens:
                self.sink.ended(Outcome(arrival, None, None, 0.0, refused="too_long"))
            else:
                end_s = self.now_s + TTFT_S + TBT_S * (arrival.request.answer_tokens - 1)
                self._running.append((end_s, self.now_s + TTFT_S, arrival))

    def _go(self, to_s: float) -> None:
        spent_s = to_s - self.now_s
        if spent_s > 0:
            watts, draw = (BUSY_W, Draw.BUSY) if self._running else (IDLE_W, Draw.IDLE)
            self.sink.drew(self.now_s, to_s, watts * spent_s, draw)
            self.busy_s += spent_s if self._running else 0.0
            self.now_s = to_s

    def _finish(self) -> None:
        for end_s, first_s, arrival in [each for each in self._running if each[0] <= self.now_s]:
            self._running.remove((end_s, first_s, arrival))
            wait_s = max(first_s - arrival.at_s, TBT_S)
            self.sink.ended(Outcome(arrival, first_s, end_s, wait_s, TBT_S))
