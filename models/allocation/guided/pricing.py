"""Reduced costs of all pools, each with the best it could serve, from the duals of a program that has only some."""

import numpy as np

from models.allocation.guided.pool_arrays import PoolArrays, Seat
from models.allocation.machines import Hardware
from models.allocation.objective import joule_cost, start_step
from models.allocation.program import FullProgram
from models.allocation.solve.matrix import Floats
from models.allocation.survive import groups


def reduced_costs(program: FullProgram, arrays: PoolArrays, row_duals: Floats, *, priced: bool) -> Floats:
    """Objective units that one instance of each pool adds at best, flows chosen for it; below 0 where it may help.

    c_i - Σ_t L_i·max(0, max_s(μ[s,t] - load cost[s,i,t] - share dual[n,t] - joules·cap dual[n,t])) - duals of the GPUs
    it holds, of its place and of the watts it draws, with μ the dual of demand. Rows that are not there count as free,
    and a start as instant: an absent pool may look better than it is, never worse.

    Args:
        program: Of some of the pools.
        arrays: Of all pools.
        row_duals: Of the program's linear optimum.
        priced: Whether the objective was minimised; shedding levels have no cost of pools in them.
    """
    duals = _Duals(program, arrays, row_duals)
    seats = np.array([duals.seat(seat, priced=priced) for seat in arrays.seats])
    caps, shares = duals.by_location("power_caps"), duals.by_location("shares")
    costs = arrays.idle_cost if priced else np.zeros_like(arrays.idle_cost)
    drawn = arrays.idle_extra_w * (caps[arrays.location] * arrays.there).sum(axis=1)
    gained = _served(arrays, duals.demand(), caps, shares, priced=priced) + duals.outlived()[arrays.kind]
    reduced: Floats = costs - drawn - seats[arrays.seat_of] - arrays.capacity_rps * gained
    return reduced


def _served(arrays: PoolArrays, demand: Floats, caps: Floats, shares: Floats, *, priced: bool) -> Floats:
    """Σ_t of the best that one req/s of each pool earns in step t, at least 0."""
    earned = np.zeros(len(arrays.capacity_rps))
    at, joules = arrays.location[arrays.arc_pool], arrays.joules_per_request[arrays.arc_pool]
    for t in range(arrays.there.shape[1]):
        worth = demand[arrays.arc_stream, t] - shares[at, t] - joules * caps[at, t]
        if priced:
            worth -= joules * arrays.joule_cost[at, t] * arrays.mean_share[arrays.arc_stream, t]
        worth[~arrays.asked[arrays.arc_stream, t]] = 0.0
        if len(worth):
            best = np.maximum.reduceat(worth, arrays.first_arc)
            earned[arrays.pools_with_arcs] += np.maximum(best, 0.0) * arrays.there[arrays.pools_with_arcs, t]
    return earned


class _Duals:
    """Duals of a program's rows by what they are the rows of; 0 for a row that is not there."""

    def __init__(self, program: FullProgram, arrays: PoolArrays, row_duals: Floats) -> None:
        self._program = program
        self._arrays = arrays
        self._row_duals = row_duals
        self._place_at = {place: h for h, place in enumerate(program.data.places)}
        self._sizes: dict[str, set[int]] = {}
        for mode in program.data.scenario.modes:
            for kind, count in mode.gpus.items():
                self._sizes.setdefault(kind, set()).update({count} - {1})

    def of(self, *key: object) -> float:
        row = self._program.row(*key)
        return 0.0 if row is None else float(self._row_duals[row])

    def demand(self) -> Floats:
        """μ; shape (streams, steps)."""
        found = np.zeros(self._arrays.asked.shape)
        for s, t in np.argwhere(self._arrays.asked).tolist():
            found[s, t] = self.of("demand", s, t)
        return found

    def by_location(self, family: str) -> Floats:
        """Shape (locations, steps)."""
        locations, steps = self._program.data.scenario.locations, range(self._arrays.there.shape[1])
        return np.array([[self.of(family, each.name, t) for t in steps] for each in locations])

    def seat(self, seat: Seat, *, priced: bool) -> float:
        """Duals of the rows that one instance there enters: GPUs, sizes, room beside what stays, its place."""
        location, machine, _, mode = seat
        gpus = self._program.data.modes[mode].gpus
        found = 0.0
        for kind, count in gpus.items():
            key = location, machine, kind
            found += count * (self.of("stock", *key) + self.of("room_for_stays", *key))
            found += sum((count // size) * self.of("fit", *key, size) for size in self._sizes[kind] if size <= count)
        return found + self._place(seat, priced=priced)

    def _place(self, seat: Seat, *, priced: bool) -> float:
        """Dual of its hardware's changes; where the program has no such place, all of its instances are started."""
        data = self._program.data
        if not data.fleet.running_known:
            return 0.0
        location, machine, model, mode = seat
        place = location, machine, Hardware(model, data.modes[mode].hardware)
        if place in self._place_at:
            h = self._place_at[place]
            # An instance may be the one of its place that starts, and spare another that wait.
            return self.of("changes", h) + max(self.of("starts", h), 0.0)
        start_cost = data.modes[mode].startup_energy_j * joule_cost(data, location, start_step(data, place))
        return -start_cost if priced else 0.0

    def outlived(self) -> Floats:
        """By class: Σ over losses and steps of the best that one req/s earns by being there after the loss."""
        best: dict[tuple[tuple[str, str, str], tuple[str, str], int], float] = {}
        for j, group in enumerate(groups(self._program.data)):
            key = self._program.data.streams[group.streams[0]][:3], group.loss, group.step
            best[key] = max(best.get(key, 0.0), self.of("survive", j))
        at = {kind: i for i, kind in enumerate(self._arrays.kinds)}
        found = np.zeros(len(at))
        for (kind, _, _), worth in best.items():
            if kind in at:
                found[at[kind]] += worth
        return found
