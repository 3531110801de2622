"""A language model that computes nothing: passes take what the step model says, and a fake GPU is told to work."""

import time
from collections.abc import Callable

from freesh_plugin.core.step_model import ASSUMED, step_s
from tests.fakes.nvml.controller import FakeDriver


class FakeLlm:
    """Implements `Llm` on the first GPU of a fake driver; `speed` times as fast as an H100-like one."""

    name = "fake"
    engine = "fake engine"

    def __init__(self, driver: FakeDriver, speed: float = 1.0, fails_at: int | None = None) -> None:
        """A decode of `fails_at` requests does not fit."""
        self._driver = driver
        self._speed = speed
        self._fails_at = fails_at
        self.started: list[str] = []

    def stages(self) -> list[tuple[str, Callable[[], None]]]:
        return [(stage, lambda stage=stage: self.started.append(stage)) for stage in ("import", "weights")]  # type: ignore[misc]

    def prefill(self, tokens: int) -> None:
        self._work(1.0, step_s(ASSUMED, 1980, 1, 0, tokens))

    def decode(self, batch: int, context: int, steps: int) -> Callable[[], None]:
        if batch == self._fails_at:
            raise RuntimeError("out of memory")
        return lambda: self._work(0.3 + batch / 200, steps * step_s(ASSUMED, 1980, batch, batch * context, 0))

    def _work(self, utilisation: float, seconds: float) -> None:
        self._driver.use(utilisation)
        time.sleep(seconds / self._speed)
        self._driver.use(0.0)
