"""The linear program of the clairvoyant bound: work by origin, kind, slot, place, mode, clock and batch."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import coo_array

from freesh_plugin.core.errors import AllocationError
from freesh_plugin.core.units import STEP_S
from models.domain.engine import EngineModel
from models.domain.scenario import Location
from models.domain.workload import WorkloadRequest
from models.evaluate.bound_engine import Rate, decode_rates, prefill_rates
from models.simulator.fleet_model import FleetModel

Weights = Mapping[str, Sequence[float]]
"""By location, by slot: what a kilowatt-hour counts."""

KINDS = ("prompt", "decode", "context")


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


Work = Mapping[tuple[str, int], WorkDone]
"""By origin and slot of arrival."""


@dataclass(frozen=True)
class Column:
    """Work of one kind of one origin, done in one slot at one place in one way; one token of it."""

    kind: str
    origin: str
    location: Location
    slot: int
    engine: EngineModel
    rate: Rate


class BoundProgram:
    """Columns and rows of `bound.least`."""

    tail = True
    """Whether work may be done after the hour."""

    def __init__(self, fleet: FleetModel, work: Work, weights: Weights, slots: int) -> None:
        """Of an hour of so many slots."""
        self._fleet, self._work, self._weights, self._slots = fleet, work, weights, slots
        self._columns = list(self._ways())
        self._entries: list[tuple[int, int, float]] = []
        self._limits: list[float] = []

    def solved(self) -> tuple[float, float]:
        """Least weighted joules above the floor, and the joules of that solution."""
        if not self._work:
            return 0.0, 0.0
        self._add_work_rows()
        self._add_gpu_rows()
        self._add_memory_rows()
        weighted, energy_j, whole = zip(*self._costs(), strict=True)
        rows, columns, values = zip(*self._entries, strict=True)
        matrix = coo_array((values, (rows, columns)), shape=(len(self._limits), len(weighted)))
        # HiGHS's presolve has been seen to call such an integer program infeasible that it solves without.
        found = milp(
            np.array(weighted), integrality=np.array(whole, dtype=int),
            options={"mip_rel_gap": 0.0, "presolve": not any(whole)},
            constraints=LinearConstraint(matrix.tocsr(), ub=np.array(self._limits)),
        )  # fmt: skip
        if found.status != 0:
            raise AllocationError(f"bound of {len(weighted)} columns: {found.message}")
        return float(found.fun), float(np.array(energy_j) @ found.x)

    def resting_w(self, engine: EngineModel, location: Location) -> float:
        """What a GPU draws that does no work; work is charged with what is above it."""
        return location.parked_power_w[engine.gpu_type]

    def _costs(self) -> Iterator[tuple[float, float, bool]]:
        """Of each column: weighted joules, joules, and whether it is a whole number."""
        for each in self._columns:
            energy_j = each.location.pue * each.rate.energy_j
            yield self._weight(each.location, each.slot) * energy_j, energy_j, False

    def _weight(self, location: Location, slot: int) -> float:
        return self._weights[location.name][min(slot, self._slots - 1)]

    def _ways(self) -> Iterator[Column]:
        """The slot after the last one, where there is one, stands for all the time after the hour."""
        origins = sorted({origin for origin, _ in self._work})
        for each in origins:
            if not any(location.allows(each) for location in self._fleet.locations):
                raise AllocationError(f"bound: origin {each!r} may be served nowhere")
        for location in self._fleet.locations:
            served = [each for each in origins if location.allows(each)]
            for engine in self._fleet.engines.values():
                if location.gpus.get(engine.gpu_type, 0) < engine.gpus:
                    continue
                resting_w = self.resting_w(engine, location)
                rates = {"prompt": prefill_rates(engine, resting_w)}
                rates["decode"], rates["context"] = decode_rates(engine, resting_w)
                for origin in served:
                    for slot in range(self._slots + self.tail):
                        for kind in KINDS:
                            for rate in rates[kind]:
                                yield Column(kind, origin, location, slot, engine, rate)

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
                rows[key] = self._row(each.location.gpus[each.engine.gpu_type] * STEP_S)
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
