"""One unit more of something: by how much it moves the right-hand sides of the relaxation's rows.

The optimum of a linear program changes along such a move by the sum of the duals of the rows that it moves. It is
convex in it: a dual is what the first bit of a unit saves; the whole unit saves at most so much, and a whole req/s of
further demand costs at least so much.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from models.allocation.data import ProgramData
from models.allocation.explain.relaxed import Relaxation
from models.allocation.objective import joule_cost
from models.allocation.solve.answer import Answer, Values
from models.allocation.survive import groups

_Keys = dict[tuple[object, ...], float]
"""By how much the bound of a row moves, by its key."""


@dataclass(frozen=True)
class Move:
    """One unit more of a limit, or of demand.

    Attributes:
        constraint, subject, unit: As of the price.
        limit: Size now, in the unit.
        rows: Change of the bound of each row.
        columns: Change of the upper bound of each column.
        draws: What the unit itself adds to the objective: parked watts of a GPU.
    """

    constraint: str
    subject: str
    unit: str
    limit: float
    rows: Mapping[int, float]
    columns: Mapping[int, float] = field(default_factory=dict)
    draws: float = 0.0

    def cost(self, answer: Answer) -> float:
        """By how much the optimum rises with one unit, at first; 0 where the solver gave no duals."""
        return _along(self.rows, answer.row_duals) + _along(self.columns, answer.reduced_costs)


def limits(relaxation: Relaxation) -> Iterator[Move]:
    """Of every limit that one might have more of."""
    yield from _stock(relaxation)
    yield from _power(relaxation)
    yield from _shares(relaxation)
    yield from _changes(relaxation)


def _stock(relaxation: Relaxation) -> Iterator[Move]:
    """One more GPU: Ḡ + 1, and room for 1/g more instances of g GPUs."""
    data = relaxation.data
    sizes = sorted({(kind, count) for mode in data.modes.values() for kind, count in mode.gpus.items() if count > 1})
    for location, holders in sorted(data.fleet.holders.items()):
        for machine, gpus in sorted(holders.items()):
            for kind, total in sorted(gpus.items()):
                key = location, machine, kind
                moved: _Keys = {("stock", *key): 1.0, ("room_for_stays", *key): 1.0}
                moved |= {("fit", *key, size): 1 / size for other, size in sizes if other == kind}
                where = f"machine {machine} of {location}" if machine else location
                rows = _rows(relaxation, moved)
                yield Move("stock", f"{kind} at {where}", "GPU", total, rows, draws=_parked_cost(data, *key))


def _parked_cost(data: ProgramData, location: str, machine: str, kind: str) -> float:
    """Ppark·Δt·Σ_t w⁺·PUE: what one GPU adds by being there, objective units."""
    steps = data.fleet.window(location, machine)
    weight = sum(joule_cost(data, location, t) for t in steps) * data.scenario.step_s
    return weight * data.locations[location].parked_power_w.get(kind, 0.0)


def _power(relaxation: Relaxation) -> Iterator[Move]:
    """One watt more at the meter, in every step."""
    for location in relaxation.data.scenario.locations:
        if location.power_cap_w is not None:
            keys: _Keys = {
                ("power_caps", location.name, t): 1 / location.pue for t in range(relaxation.data.scenario.steps)
            }
            yield Move("power_cap", location.name, "W", location.power_cap_w, _rows(relaxation, keys))


def _shares(relaxation: Relaxation) -> Iterator[Move]:
    """A hundredth of all demand more, in every step."""
    data = relaxation.data
    asked = [0.0] * data.scenario.steps
    for (_, t), rate in data.demand_rps.items():
        asked[t] += rate
    for location in data.scenario.locations:
        if location.max_share < 1:
            keys: _Keys = {("shares", location.name, t): rate / 100 for t, rate in enumerate(asked)}
            yield Move("max_share", location.name, "point", 100 * location.max_share, _rows(relaxation, keys))


def _changes(relaxation: Relaxation) -> Iterator[Move]:
    """One more start or stop."""
    limit = relaxation.data.scenario.max_changes_per_location
    if limit is not None:
        for location in relaxation.data.scenario.locations:
            rows = _rows(relaxation, {("change_limit", location.name): 1.0})
            yield Move("change_limit", location.name, "change", limit, rows)


def demands(relaxation: Relaxation, worst: float) -> Iterator[Move]:
    """One more req/s of a class in every step in which it has any, split over origins and tiers as it is.

    Args:
        relaxation: The program.
        worst: Largest weighted shed fraction at its optimum: of one more req/s, as much may be shed.
    """
    data = relaxation.data
    classes: dict[tuple[str, str], list[int]] = {}
    for s, stream in enumerate(data.streams):
        classes.setdefault((stream.model, stream.request_class), []).append(s)
    for (model, request_class), members in sorted(classes.items()):
        peak, shares = _shares_of(data, members)
        whose = f" of {model}" if len(data.candidates) > 1 else ""
        yield _more_of(relaxation, f"class {request_class}{whose}", peak, shares, worst)


def _shares_of(data: ProgramData, members: list[int]) -> tuple[float, dict[tuple[int, int], float]]:
    """Largest demand of some streams together, req/s, and each one's share of it by (stream, step)."""
    rates = {
        (s, t): data.demand_rps.get((data.streams[s], t), 0.0) for s in members for t in range(data.scenario.steps)
    }
    total = [sum(rates[s, t] for s in members) for t in range(data.scenario.steps)]
    return max(total), {(s, t): rate / total[t] for (s, t), rate in rates.items() if rate}


def _more_of(
    relaxation: Relaxation, subject: str, peak: float, shares: dict[tuple[int, int], float], worst: float
) -> Move:
    keys: _Keys = {}
    columns: dict[int, float] = {}
    for (s, t), share in shares.items():
        keys["demand", s, t] = share
        keys["fairness", s, t] = share * worst
        column = relaxation.shed_column(s, t)
        if column is not None:
            columns[column] = share
    for j, group in enumerate(groups(relaxation.data)):
        keys["survive", j] = sum(shares.get((s, group.step), 0.0) for s in group.streams)
    for location in relaxation.data.scenario.locations:
        for t in {step for _, step in shares}:
            keys["shares", location.name, t] = location.max_share
    return Move("demand", subject, "req/s", peak, _rows(relaxation, keys), columns)


def _rows(relaxation: Relaxation, keys: _Keys) -> dict[int, float]:
    found = {relaxation.row(*key): by for key, by in keys.items()}
    return {row: by for row, by in found.items() if row is not None}


def _along(by: Mapping[int, float], duals: Values | None) -> float:
    return 0.0 if duals is None else float(sum(duals[i] * change for i, change in by.items()))
