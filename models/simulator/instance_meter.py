"""What a simulated instance draws, told in pieces: watts hold for a while, and pieces of one kind are put together."""

from freesh_plugin.core.power_model import IDLE, Shares, power_w, shares
from models.domain.engine import EngineModel
from models.simulator.instance_types import Draw, InstanceSink


class InstanceMeter:
    """Counts the joules of all GPUs of an instance and tells them when asked to.

    Attributes:
        busy_s: Seconds that were drawn busy.
    """

    def __init__(self, engine: EngineModel, sink: InstanceSink, start_s: float) -> None:
        """Nothing drawn yet."""
        self._engine = engine
        self._sink = sink
        self.busy_s = 0.0
        self._kind = Draw.IDLE
        self._from_s = self._to_s = start_s
        self._energy_j = 0.0
        self._idle_w: dict[int, float] = {}

    def used(self, sm_clock_mhz: int, size: int, prefill_tokens: int, took_s: float) -> Shares:
        """What a pass uses."""
        return shares(self._engine.step, sm_clock_mhz, size, prefill_tokens, took_s, self._engine.shares)

    def busy_w(self, sm_clock_mhz: int, used: Shares) -> float:
        """Watts while this is used."""
        return self._engine.gpus * power_w(self._engine.power, sm_clock_mhz, used)

    def idle_w(self, sm_clock_mhz: int) -> float:
        """Watts while nothing runs."""
        watts = self._idle_w.get(sm_clock_mhz)
        if watts is None:
            watts = self._idle_w[sm_clock_mhz] = self.busy_w(sm_clock_mhz, IDLE)
        return watts

    def draw(self, until_s: float, watts: float, kind: Draw) -> None:
        """From where this was last told until `until_s`."""
        if kind is not self._kind:
            self.tell()
            self._kind = kind
        took_s = until_s - self._to_s
        self._energy_j += watts * took_s
        self._to_s = until_s
        if kind is Draw.BUSY:
            self.busy_s += took_s

    def tell(self) -> None:
        """Tell what was drawn since the last time."""
        if self._to_s > self._from_s:
            self._sink.drew(self._from_s, self._to_s, self._energy_j, self._kind)
        self._from_s, self._energy_j = self._to_s, 0.0
