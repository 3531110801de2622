"""Every pool of a program as arrays, so that all of them are priced at once, built or not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.allocation.data import ProgramData
from models.allocation.objective import joule_cost
from models.allocation.solve.matrix import Floats, Ints

Seat = tuple[str, str, str, str]
"""(location, machine or empty, model, mode): what decides which GPUs an instance takes, and where."""


@dataclass(frozen=True)
class PoolArrays:
    """Pools i, steps t, streams s, locations n; arcs are sorted by pool.

    Attributes:
        seats: Every seat that some pool takes; the seat of each pool is `seat_of`.
        location: n of each pool.
        kinds: Every (model, partition, class) that some pool serves; that of each pool is `kind`.
        capacity_rps: L.
        idle_cost: Objective units of one instance without load, over the steps in which its GPUs are there.
        idle_extra_w, joules_per_request: As in its power line.
        there: Whether a pool's GPUs are there; shape (pools, steps).
        joule_cost: Objective units of one watt over a step; shape (locations, steps).
        mean_share: Part of the planned flow that energy follows, 0 where nothing is asked; shape (streams, steps).
        asked: Whether a stream asks for anything; shape (streams, steps).
        arc_pool, arc_stream: Ends of each arc.
        pools_with_arcs, first_arc: Pools that may serve someone, and where their arcs begin.
        gpus: GPUs of one instance of the first type that it takes.
        holder: Number of its (location, machine, that type); `holder_gpus` is how many of them there are.
    """

    seats: tuple[Seat, ...]
    seat_of: Ints
    kinds: tuple[tuple[str, str, str], ...]
    location: Ints
    kind: Ints
    capacity_rps: Floats
    idle_cost: Floats
    idle_extra_w: Floats
    joules_per_request: Floats
    there: npt.NDArray[np.bool_]
    joule_cost: Floats
    mean_share: Floats
    asked: npt.NDArray[np.bool_]
    arc_pool: Ints
    arc_stream: Ints
    pools_with_arcs: Ints
    first_arc: Ints
    gpus: Floats
    holder: Ints
    holder_gpus: Floats

    @classmethod
    def of(cls, data: ProgramData) -> "PoolArrays":
        """Arrays of all pools of the data."""
        steps, scenario = range(data.scenario.steps), data.scenario
        names = [each.name for each in scenario.locations]
        costs = np.array([[joule_cost(data, name, t) * scenario.step_s for t in steps] for name in names])
        location = _numbered([pool.location for pool in data.pools], names)
        seats = [(pool.location, pool.machine, pool.model, pool.mode) for pool in data.pools]
        all_seats = tuple(dict.fromkeys(seats))
        kinds = [(pool.model, pool.partition, pool.request_class) for pool in data.pools]
        all_kinds = tuple(dict.fromkeys(kinds))
        there = np.array([[t in data.steps_of(pool) for t in steps] for pool in data.pools], dtype=bool)
        idle_extra_w = np.array([each.idle_extra_w for each in data.power])
        share = [[data.mean_share.get((stream, t), 0.0) for t in steps] for stream in data.streams]
        asked = [[(stream, t) in data.demand_rps for t in steps] for stream in data.streams]
        arc_pool, arc_stream = _arcs(data)
        pools_with_arcs, first_arc = np.unique(arc_pool, return_index=True)
        gpus, holder, holder_gpus = _holders(data)
        return cls(
            seats=all_seats,
            seat_of=_numbered(seats, all_seats),
            location=location,
            kinds=all_kinds,
            kind=_numbered(kinds, all_kinds),
            capacity_rps=np.array(data.capacity_rps),
            idle_cost=idle_extra_w * (costs[location] * there).sum(axis=1),
            idle_extra_w=idle_extra_w,
            joules_per_request=np.array([each.joules_per_request for each in data.power]),
            there=there,
            joule_cost=costs,
            mean_share=np.array(share, dtype=float).reshape(len(data.streams), len(steps)),
            asked=np.array(asked, dtype=bool).reshape(len(data.streams), len(steps)),
            arc_pool=arc_pool,
            arc_stream=arc_stream,
            pools_with_arcs=pools_with_arcs,
            first_arc=first_arc,
            gpus=gpus,
            holder=holder,
            holder_gpus=holder_gpus,
        )


def _numbered(keys: Sequence[object], known: Sequence[object]) -> Ints:
    at = {key: i for i, key in enumerate(known)}
    return np.array([at[key] for key in keys], dtype=np.int64)


def _arcs(data: ProgramData) -> tuple[Ints, Ints]:
    """Pool and stream of each arc, sorted by pool."""
    sizes = [len(data.arcs[stream]) for stream in data.streams]
    pools = np.array([i for stream in data.streams for i in data.arcs[stream]], dtype=np.int64)
    streams = np.repeat(np.arange(len(data.streams)), sizes)
    order = np.argsort(pools, kind="stable")
    return pools[order], streams[order]


def _holders(data: ProgramData) -> tuple[Floats, Ints, Floats]:
    """GPUs of the first type of each pool's mode, who holds that type there, and how many each of those holds."""
    keys = []
    for pool in data.pools:
        kind, _ = data.modes[pool.mode].hardware[0]
        keys.append((pool.location, pool.machine, kind))
    known = list(dict.fromkeys(keys))
    gpus = np.array([data.modes[pool.mode].hardware[0][1] for pool in data.pools], dtype=float)
    total = [data.fleet.holders[location][machine].get(kind, 0) for location, machine, kind in known]
    return gpus, _numbered(keys, known), np.array(total, dtype=float)
