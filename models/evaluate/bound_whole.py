"""The bound of plans: whole instances held for whole half hours, each drawing at least what an idle one does."""

from collections import defaultdict
from collections.abc import Iterator

from freesh_plugin.core.power_model import IDLE, power_w
from freesh_plugin.core.units import EPOCH_S, STEP_S
from models.domain.engine import EngineModel
from models.domain.scenario import Location
from models.evaluate.bound_program import BoundProgram

_EPOCH_SLOTS = EPOCH_S // STEP_S


class WholeProgram(BoundProgram):
    """`BoundProgram` with instances x[n,m,e], whole numbers.

    sum over work of seconds in slot t <= STEP_S * x[n,m,e of t]; sum_m gpus * x <= GPUs. x costs what idle GPUs draw
    above parked ones for all of the half hour, and work what is above that.
    """

    tail = False

    def resting_w(self, engine: EngineModel, location: Location) -> float:
        """What a loaded GPU draws with nothing to do at its lowest clock."""
        return max(power_w(engine.power, engine.clocks_mhz[0], IDLE), location.parked_power_w[engine.gpu_type])

    @property
    def _held(self) -> list[tuple[Location, EngineModel, int]]:
        """Instances that may be held: location, mode, half hour; their columns follow those of work."""
        epochs = -(-self._slots // _EPOCH_SLOTS)
        fitting = dict.fromkeys((each.location.name, each.engine.mode) for each in self._columns)
        places = {each.name: each for each in self._fleet.locations}
        return [(places[name], self._fleet.engines[mode], epoch) for name, mode in fitting for epoch in range(epochs)]

    def _costs(self) -> Iterator[tuple[float, float, bool]]:
        yield from super()._costs()
        for location, engine, epoch in self._held:
            above_w = self.resting_w(engine, location) - location.parked_power_w[engine.gpu_type]
            slots = range(epoch * _EPOCH_SLOTS, min((epoch + 1) * _EPOCH_SLOTS, self._slots))
            slot_j = location.pue * engine.gpus * above_w * STEP_S
            yield sum(self._weight(location, slot) for slot in slots) * slot_j, len(slots) * slot_j, True

    def _add_gpu_rows(self) -> None:
        first, held = len(self._columns), self._held
        stock: dict[tuple[str, str, int], int] = {}
        number_of: dict[tuple[str, str, int], int] = {}
        for number, (location, engine, epoch) in enumerate(held, start=first):
            number_of[location.name, engine.mode, epoch] = number
            key = location.name, engine.gpu_type, epoch
            if key not in stock:
                stock[key] = self._row(location.gpus[engine.gpu_type])
            self._entries.append((stock[key], number, engine.gpus))
        busy: defaultdict[tuple[str, str, int], list[tuple[int, float]]] = defaultdict(list)
        for number, each in enumerate(self._columns):
            busy[each.location.name, each.engine.mode, each.slot].append((number, each.rate.seconds))
        for (name, mode, slot), work in busy.items():
            row = self._row(0.0)
            self._entries += [(row, number, seconds) for number, seconds in work]
            self._entries.append((row, number_of[name, mode, slot // _EPOCH_SLOTS], -float(STEP_S)))
