"""The clairvoyant bound: no policy that serves all requests of an hour draws less, or emits less."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile

from freesh_plugin.core.units import JOULES_PER_KWH, STEP_S
from models.domain.scenario import Location
from models.domain.workload import PREFIX_BLOCK_TOKENS, WorkloadRequest
from models.evaluate.bound_program import BoundProgram, Weights, Work, WorkDone
from models.evaluate.bound_whole import WholeProgram
from models.simulator.fleet_model import FleetModel


@dataclass(frozen=True)
class Bound:
    """What no policy can be below.

    Attributes:
        objective: In the unit of the weights times kWh.
        energy_kwh: At the wall, of the solution that reaches it.
    """

    objective: float
    energy_kwh: float


def work_of(requests: Iterable[WorkloadRequest], slots: int) -> Work:
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
    fleet: FleetModel, work: Work, weights: Weights, slots: int, *, last_s: float = STEP_S, whole: bool = False
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
        slots: Slots of `STEP_S` in the hour.
        last_s: So long the last of them is: parked GPUs draw no longer.
        whole: Of plans alone, which hold whole instances for whole half hours, each drawing what an idle one does, and
            are done by the end of the hour: an integer program, for small fleets. It is above the other, and no bound
            on who starts and stops instances between.

    Raises:
        AllocationError: it has no solution: some origin may be served nowhere.
    """
    program = (WholeProgram if whole else BoundProgram)(fleet, work, weights, slots)
    lengths_s = [STEP_S] * (slots - 1) + [last_s]
    floor = sum(
        weights[each.name][slot] * each.pue * parked_w(each) * length_s
        for each in fleet.locations
        for slot, length_s in enumerate(lengths_s)
    )
    floor_j = sum(each.pue * parked_w(each) * sum(lengths_s) for each in fleet.locations)
    cost, energy_j = program.solved()
    return Bound((floor + cost) / JOULES_PER_KWH, (floor_j + energy_j) / JOULES_PER_KWH)


def parked_w(location: Location) -> float:
    """Every GPU parked and the hosts on, watts before PUE."""
    gpus_w = sum(location.parked_power_w[kind] * count for kind, count in location.gpus.items() if count)
    return gpus_w + location.host_power_w
