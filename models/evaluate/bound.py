"""The clairvoyant bound: no policy that serves all requests of an hour draws less, or emits less. A linear program."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from freesh_plugin.core.errors import AllocationError
from freesh_plugin.core.units import JOULES_PER_KWH, STEP_S
from models.domain.engine import EngineModel
from models.domain.scenario import Location
from models.domain.workload import PREFIX_BLOCK_TOKENS, WorkloadRequest
from models.evaluate.bound_engine import Rate, decode_rates, prefill_rates
from models.simulator.fleet_model import FleetModel

Weights = Mapping[str, Sequence[float]]
"""By location, by slot: what a kilowatt-hour counts."""


@dataclass(frozen=True)
class Bound:
    """What no policy can be below.

    Attributes:
        objective: In the unit of the weights times kWh.
        energy_kwh: At the wall, of the solution that reaches it.
    """

    objective: float
    energy_kwh: float


@dataclass(frozen=True)
class WorkDone:
    """What requests of one origin in one slot ask for.

    Attributes:
        prompt: Prompt tokens that no prefix cache can spare.
        decode: Tokens after each first one.
        context: Sum of the tokens in memory over all those decode steps.
    """

    prompt: float = 0.0
    decode: float = 0.0
    context: float = 0.0

    def more(self, request: WorkloadRequest, cached_tokens: int) -> "WorkDone":
        """With one request more, so many of whose prompt tokens a cache may spare."""
        steps = request.answer_tokens - 1
        held = steps * (request.prompt_tokens + request.answer_tokens / 2)
        prompt = self.prompt + request.prompt_tokens - cached_tokens
        return WorkDone(prompt, self.decode + steps, self.context + held)


KINDS = ("prompt", "decode", "context")


def work_of(requests: Iterable[WorkloadRequest], slots: int) -> dict[tuple[str, int], WorkDone]:
    """Work by origin and slot of arrival.

    A block of a prompt that came before, whoever sent it, need not be computed again; the last token of a prompt must.
    """
    work: defaultdict[tuple[str, int], WorkDone] = defaultdict(WorkDone)
    seen: set[int] = set()
    for each in requests:
        key = each.origin, min(int(each.arrival_s // STEP_S), slots - 1)
        known = sum(1 for _ in takewhile(seen.__contains__, each.prefix))
        seen.update(each.prefix)
        work[key] = work[key].more(each, min(known * PREFIX_BLOCK_TOKENS, each.prompt_tokens - 1))
    return dict(work)


def least(
    fleet: FleetModel, work: Mapping[tuple[str, int], WorkDone], weights: Weights, slots: int, slot_s: float = STEP_S
) -> Bound:
    """Least weighted energy with which the work can be done.

        min  sum_{n,t} w[n,t]·PUE[n]·( floor[n]·slot + sum_c rate_c·v[n,t,c] )
        s.t. what came up to t is done up to t or later, each kind of work, wherever its origin may be served;
             sum over instances of a GPU type of gpus·seconds <= GPUs·slot;  v >= 0

    v is work done at one range of clocks and batch sizes by one mode, in tokens; rate its joules above parked GPUs, per
    token, the least in that range (`bound_engine`). Nothing is charged for loading, draining, loaded instances that
    idle, waiting, half-filled batches or SLOs; requests are split at will and wait as long as they like, up to a last
    slot after the hour that has no end. So every run that serves all requests is a feasible point of it that costs no
    less.

    Args:
        fleet: Locations and engines.
        work: What is to be done, by origin and slot.
        weights: What a kilowatt-hour counts by location and slot, no less than 0; 1 = energy itself.
        slots: Slots of the hour.
        slot_s: Length of a slot, seconds.

    Raises:
        AllocationError: it has no solution: some origin may be served nowhere.
    """
    program = _Program(fleet, work, weights, slots, slot_s)
    floor = sum(
        weights[each.name][slot] * each.pue * parked_w(each) * slot_s
        for each in fleet.locations
        for slot in range(slots)
    )
    floor_j = sum(each.pue * parked_w(each) * slot_s * slots for each in fleet.locations)
    cost, energy_j = program.solved()
    return Bound((floor + cost) / JOULES_PER_KWH, (floor_j + energy_j) / JOULES_PER_KWH)


def parked_w(location: Location) -> float:
    """Every GPU parked and the hosts on, watts before PUE."""
    gpus_w = sum(location.parked_power_w[kind] * count for kind, count in location.gpus.items() if count)
    return gpus_w + location.host_power_w


@dataclass(frozen=True)
class _Column:
    """Work of one kind of one origin, done in one slot at one place in one way; one token of it."""

    kind: str
    origin: str
    location: Location
    slot: int
    engine: EngineModel
    rate: Rate


class _Program:
    def __init__(
        self, fleet: FleetModel, work: Mapping[tuple[str, int], WorkDone], weights: Weights, slots: int, slot_s: float
    ) -> None:
        self._fleet, self._work, self._weights = fleet, work, weights
        self._slots, self._slot_s = slots, slot_s
        self._columns = list(self._ways())
        self._entries: list[tuple[int, int, float]] = []
        self._limits: list[float] = []

    def solved(self) -> tuple[float, float]:
        """Least weighted joules above the floor, and the joules of that solution."""
        if not self._work:
            return 0.0, 0.0
        cost = np.array([self._cost(each) for each in self._columns])
        self._add_work_rows()
        self._add_gpu_rows()
        self._add_memory_rows()
        rows, columns, values = zip(*self._entries, strict=True)
        matrix = coo_array((values, (rows, columns)), shape=(len(self._limits), len(self._columns)))
        found = linprog(cost, A_ub=matrix.tocsr(), b_ub=self._limits, method="highs")  # type: ignore[call-overload]
        if found.status != 0 or found.fun is None:
            raise AllocationError(f"bound of {len(self._columns)} columns: {found.message}")
        energy = np.array([each.rate.energy_j * each.location.pue for each in self._columns])
        return float(found.fun), float(energy @ found.x)

    def _ways(self) -> Iterator[_Column]:
        """The slot after the last one stands for all the time after the hour."""
        origins = sorted({origin for origin, _ in self._work})
        for each in origins:
            if not any(location.allows(each) for location in self._fleet.locations):
                raise AllocationError(f"bound: origin {each!r} may be served nowhere")
        for location in self._fleet.locations:
            served = [each for each in origins if location.allows(each)]
            for engine in self._fleet.engines.values():
                if location.gpus.get(engine.gpu_type, 0) < engine.gpus:
                    continue
                parked = location.parked_power_w[engine.gpu_type]
                rates = {"prompt": prefill_rates(engine, parked)}
                rates["decode"], rates["context"] = decode_rates(engine, parked)
                for origin in served:
                    for slot in range(self._slots + 1):
                        for kind in KINDS:
                            for rate in rates[kind]:
                                yield _Column(kind, origin, location, slot, engine, rate)

    def _cost(self, each: _Column) -> float:
        weight = self._weights[each.location.name][min(each.slot, self._slots - 1)]
        return weight * each.location.pue * each.rate.energy_j

    def _add_work_rows(self) -> None:
        """Work that came in slot t or later is done in slot t or later: - sum_{s >= t} v <= - sum_{s >= t} came."""
        by_kind: defaultdict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        for number, each in enumerate(self._columns):
            by_kind[each.kind, each.origin].append((each.slot, number))
        for origin in sorted({origin for origin, _ in self._work}):
            for kind in KINDS:
                left = 0.0
                for slot in reversed(range(self._slots)):
                    came = self._work.get((origin, slot))
                    left += getattr(came, kind) if came is not None else 0.0
                    row = self._row(-left)
                    self._entries += [(row, number, -1.0) for at, number in by_kind[kind, origin] if at >= slot]

    def _add_gpu_rows(self) -> None:
        """GPU-seconds of a type at a location in a slot; after the hour there is no limit."""
        rows: dict[tuple[str, str, int], int] = {}
        for number, each in enumerate(self._columns):
            if each.slot == self._slots:
                continue
            key = each.location.name, each.engine.gpu_type, each.slot
            if key not in rows:
                rows[key] = self._row(each.location.gpus[each.engine.gpu_type] * self._slot_s)
            self._entries.append((rows[key], number, each.rate.seconds * each.engine.gpus))

    def _add_memory_rows(self) -> None:
        """With b requests in a batch each has at most kv_tokens/b tokens in memory: context <= decode·kv_tokens/b."""
        rows: dict[tuple[str, int, str, int, float], int] = {}
        for number, each in enumerate(self._columns):
            if each.kind == "prompt":
                continue
            key = each.location.name, each.slot, each.engine.mode, each.rate.least_batch, each.rate.least_clock_mhz
            if key not in rows:
                rows[key] = self._row(0.0)
            most = 1.0 if each.kind == "context" else -each.engine.kv_tokens / each.rate.least_batch
            self._entries.append((rows[key], number, most))

    def _row(self, limit: float) -> int:
        self._limits.append(limit)
        return len(self._limits) - 1
