"""Wall-clock time that a solve may take, and where it went."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

_ROUTING_SHARE = 0.1
_ROUTING_GRACE_S = 1.0


class Budget:
    """A deadline, and the seconds spent building and solving.

    Args:
        limit_s: Seconds from now.

    Attributes:
        build_s, solve_s: Seconds spent so far.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._deadline_s = time.monotonic() + limit_s
        self.build_s = 0.0
        self.solve_s = 0.0

    def left_s(self, parts: int = 1) -> float:
        """Seconds left, as one of so many equal parts."""
        return max(self._deadline_s - time.monotonic(), 0.0) / parts

    def search_s(self, parts: int = 1) -> float:
        """Seconds left for searches: the last tenth of the limit is kept for routing what they found."""
        return max(self._deadline_s - _ROUTING_SHARE * self._limit_s - time.monotonic(), 0.0) / parts

    def routing_s(self) -> float:
        """Seconds left for linear programs over given allocations, which a plan is not ready without."""
        return max(self._deadline_s + _ROUTING_GRACE_S - time.monotonic(), 0.0)

    @contextmanager
    def building(self) -> Iterator[None]:
        """Count what runs inside as building.

        Garbage is not collected meanwhile: a model is many objects, none of them garbage, and looking through them
        again and again takes a third of the time.
        """
        start, collecting = time.perf_counter(), gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if collecting:
                gc.enable()
            self.build_s += time.perf_counter() - start

    @contextmanager
    def solving(self) -> Iterator[None]:
        """Count what runs inside as solving."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.solve_s += time.perf_counter() - start
