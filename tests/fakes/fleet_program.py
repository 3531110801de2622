"""The whole problem once more, as matrices for SciPy's HiGHS, machine by machine: the oracle of random fleets.

Written from the formulas of the problem alone; it shares no code with the planner. Instances are placed on machines
by the program itself, so there is nothing to pack afterwards.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from models.domain.allocation import AllocationResult
from models.domain.scenario import Demand, Profile, Running, Scenario
from tests.fakes.fleet_losses import Group, Losses
from tests.fakes.fleet_site import Site, label_of
from tests.fakes.milp_rows import Rows

LOOSE = 1e-5
"""By how much a level that was reached is loosened for the next."""
Key = tuple[str, str, str, str, str]
"""Location, model, class, mode, and the machine where it matters."""
Place = tuple[str, str, str, tuple[tuple[str, int], ...]]
"""Location, machine where it matters, model, GPUs of an instance: what needs a restart to change."""


@dataclass(frozen=True)
class Best:
    """The lexicographic optimum: worst weighted shed fraction, total shed, total exposed, objective (carbon, g)."""

    worst: float
    total: float
    exposed: float
    objective: float


class FleetProgram:
    """The program of a scenario whose objective is carbon.

    Args:
        scenario: The problem.
        partitions: Partitions that each model may take.
    """

    def __init__(self, scenario: Scenario, partitions: Mapping[str, tuple[str, ...]]) -> None:
        self._scenario, self._partitions, self._site = scenario, partitions, Site(scenario)
        self._streams = [
            row
            for row in scenario.demand
            if row.demand_rps > 0 and row.partition in partitions[row.model] and self._site.servable(row)
        ]
        self._rows = Rows()
        self._worst, self._total, self._exposed = (self._rows.add() for _ in range(3))
        self._cost: dict[int, float] = {}
        self._y = {(a, q): self._rows.add(1.0, whole=True) for a, names in partitions.items() for q in names}
        for a, names in partitions.items():
            self._rows.row({self._y[a, q]: 1.0 for q in names}, 1.0, 1.0)
        self._late = {
            mode.name: math.ceil(mode.startup_s / scenario.step_s) if scenario.running else 0 for mode in scenario.modes
        }
        self._groups = self._choose_instances()
        self._warm = max((self._late[each.profile.mode] for each in self._groups), default=0)
        if scenario.running:
            self._change()
        self._flows = self._serve()
        self._limit()
        losses = Losses(self._site, self._groups, self._streams, self._warm)
        losses.add(self._rows, self._y, self._exposed)

    def best(self, held: Mapping[Key, int] | None = None) -> Best | None:
        """The optimum, or, with instances held to these counts, the best use of them; None where infeasible."""
        extra: list[tuple[dict[int, float], float]] = []
        if held is not None:
            counts = self._by_count()
            assert set(held) <= set(counts), f"there is no column for {set(held) - set(counts)}"
            for key, variables in counts.items():
                count = float(held.get(key, 0))
                extra += [(dict.fromkeys(variables, 1.0), count), (dict.fromkeys(variables, -1.0), -count)]
        reached: dict[int, float] = {}
        for variable in (self._worst, self._total, self._exposed):
            level = self._rows.least({variable: 1.0}, extra)
            if level is None:
                return None
            extra.append(({variable: 1.0}, level * (1 + LOOSE) + LOOSE))
            reached[variable] = level
        objective = self._rows.least(self._cost, extra)
        assert objective is not None, "every level was reached together"
        return Best(reached[self._worst], reached[self._total], reached[self._exposed], objective + self._site.base_g)

    def _by_count(self) -> dict[Key, list[int]]:
        found: dict[Key, list[int]] = {}
        for each in self._groups:
            key = each.location, each.profile.model, each.profile.request_class, each.profile.mode, each.holder
            found.setdefault(key, []).extend(each.x)
        return found

    def _choose_instances(self) -> list[Group]:
        rows, site, step_s = self._rows, self._site, self._scenario.step_s
        groups: dict[object, Group] = {}
        used: dict[tuple[str, str, str], dict[int, float]] = {}
        for profile in self._scenario.profiles:
            for location, machine in site.machines:
                if not self._considered(profile, location, machine):
                    continue
                holder, window = site.holder(location, machine), site.machines[location, machine][1]
                for load, idle_w, joules in site.lines(profile, location):
                    key = location, holder, label_of(profile), profile.mode, load
                    group = groups.setdefault(key, Group(location, holder, profile, load, idle_w, joules, window, []))
                    most = float(site.most(profile.mode, location, machine))
                    x = rows.add(most, whole=True)
                    group.x.append(x)
                    rows.row({x: 1.0, self._y[profile.model, profile.partition]: -most}, -math.inf, 0.0)
                    self._cost[x] = sum(site.price_g_j[location, t] for t in window) * idle_w * step_s
                    for kind, count in site.modes[profile.mode].gpus.items():
                        used.setdefault((location, machine, kind), {})[x] = float(count)
        for (location, machine, kind), terms in used.items():
            rows.row(terms, -math.inf, float(site.machines[location, machine][0].get(kind, 0)))
        return list(groups.values())

    def _considered(self, profile: Profile, location: str, machine: str) -> bool:
        site = self._site
        runs = any(
            (row.location, site.holder(row.location, at)) == (location, site.holder(location, machine))
            and _runs_as(row, profile)
            for row, at in site.running
        )
        useful = any(site.allowed(row, profile, location) for row in self._streams)
        chosen = profile.partition in self._partitions[profile.model]
        return chosen and site.most(profile.mode, location, machine) > 0 and (useful or runs)

    def _change(self) -> None:
        """Starts and stops of what has the same model and GPUs; starting instances serve late, stopping ones longer."""
        rows, site = self._rows, self._site
        standing, labels = self._standing()
        places: dict[Place, list[Group]] = {place: [] for place in standing}
        for each in self._groups:
            place = each.location, each.holder, each.profile.model, site.modes[each.profile.mode].hardware
            places.setdefault(place, []).append(each)
        waiting: dict[str, dict[int, float]] = {}
        changed: dict[str, dict[int, float]] = {}
        for place, groups in places.items():
            up, down = rows.add(), rows.add()
            total = {x: 1.0 for each in groups for x in each.x}
            rows.row({**total, up: -1.0, down: 1.0}, standing.get(place, 0), standing.get(place, 0))
            changed.setdefault(place[0], {}).update({up: 1.0, down: 1.0})
            energy_j = max((site.modes[each.profile.mode].startup_energy_j for each in groups), default=0.0)
            if groups:
                self._cost[up] = energy_j * site.price_g_j[groups[0].location, groups[0].window.start]
            self._start_and_stay(groups, labels, up, down)
            stays = waiting.setdefault(place[2], {})
            stays |= {each.staying: 1.0 for each in groups if each.staying is not None}
            if any(self._late[each.profile.mode] for each in groups):
                stays[up] = -float(sum(count for other, count in standing.items() if other[2] == place[2]))
        for terms in waiting.values():
            rows.row(terms, -math.inf, 0.0)
        if self._scenario.max_changes_per_location is not None:
            for terms in changed.values():
                rows.row(terms, -math.inf, self._scenario.max_changes_per_location)

    def _standing(self) -> tuple[dict[Place, int], dict[int, int]]:
        """Running instances by place, and by the group (its id) whose class they serve."""
        standing: dict[Place, int] = {}
        labels: dict[int, int] = {}
        for row, machine in self._site.running:
            holder = self._site.holder(row.location, machine)
            place = row.location, holder, row.model, self._site.modes[row.mode].hardware
            standing[place] = standing.get(place, 0) + 1
            here = [g for g in self._groups if (g.location, g.holder, g.load) == (row.location, holder, 1.0)]
            for q in self._partitions[row.model]:
                match = [g for g in here if g.profile.partition == q and _runs_as(row, g.profile)]
                if match:
                    labels[id(match[0])] = labels.get(id(match[0]), 0) + 1
                    break
        return standing, labels

    def _start_and_stay(self, groups: list[Group], labels: Mapping[int, int], up: int, down: int) -> None:
        rows, site = self._rows, self._site
        for each in groups:
            each.starting = rows.add(whole=True)
            rows.row({each.starting: 1.0, **dict.fromkeys(each.x, -1.0)}, -math.inf, 0.0)
            if self._warm and id(each) in labels:
                each.staying = rows.add(labels[id(each)], whole=True)
                warm = sum(site.price_g_j[each.location, t] for t in each.window if t < self._warm)
                self._cost[each.staying] = warm * each.idle_w * self._scenario.step_s
        rows.row(
            {**{g.starting: 1.0 for g in groups if g.starting is not None}, up: -1.0}, 0.0 if groups else -math.inf, 0.0
        )
        rows.row({**{g.staying: 1.0 for g in groups if g.staying is not None}, down: -1.0}, -math.inf, 0.0)

    def _serve(self) -> dict[tuple[int, int], tuple[Demand, Group]]:
        """Flows by (variable, step): demand met or shed, capacity kept."""
        rows, site, margin = self._rows, self._site, self._scenario.demand_margin
        prices = {each.name: each.shed_price for each in self._scenario.tiers}
        flows: dict[tuple[int, int], tuple[Demand, Group]] = {}
        used: dict[tuple[int, int], dict[int, float]] = {}
        shed_terms: dict[int, float] = {self._total: -1.0}
        for row in self._streams:
            rate, shed = row.demand_rps * margin, rows.add()
            terms = {shed: 1.0, self._y[row.model, row.partition]: -rate}
            for k, each in enumerate(self._groups):
                if row.step in each.window and site.allowed(row, each.profile, each.location):
                    f = rows.add()
                    flows[f, row.step] = row, each
                    terms[f] = used.setdefault((k, row.step), {})[f] = 1.0
                    share = 1.0 if row.mean_rps is None else row.mean_rps / row.demand_rps
                    joule_g = site.price_g_j[each.location, row.step] * self._scenario.step_s
                    self._cost[f] = joule_g * each.joules * share / margin
            rows.row(terms, 0.0, 0.0)
            rows.row({shed: prices[row.tier], self._worst: -rate}, -math.inf, 0.0)
            shed_terms[shed] = 1.0
        rows.row(shed_terms, 0.0, 0.0)
        for (k, t), terms in used.items():
            rows.row({**terms, **self._serving(self._groups[k], t)}, -math.inf, 0.0)
        return flows

    def _serving(self, group: Group, t: int) -> dict[int, float]:
        """Less the capacity of a group in a step."""
        terms = dict.fromkeys(group.x, -group.capacity_rps)
        if group.starting is not None and t < group.window.start + self._late[group.profile.mode]:
            terms[group.starting] = group.capacity_rps
        if group.staying is not None and t < self._warm:
            terms[group.staying] = -group.capacity_rps
        return terms

    def _limit(self) -> None:
        """Shares, power caps, and room for what stays beside what starts."""
        rows, scenario = self._rows, self._scenario
        for location in scenario.locations:
            for t in range(scenario.steps):
                here = {
                    f: each
                    for (f, step), (_, each) in self._flows.items()
                    if step == t and each.location == location.name
                }
                asked = {y: 0.0 for y in self._y.values()}
                for row in scenario.demand:
                    if row.step == t and (row.model, row.partition) in self._y:
                        asked[self._y[row.model, row.partition]] -= (
                            location.max_share * row.demand_rps * scenario.demand_margin
                        )
                if location.max_share < 1:
                    rows.row({**dict.fromkeys(here, 1.0), **asked}, -math.inf, 0.0)
                if location.power_cap_w is not None:
                    watts = {f: each.joules for f, each in here.items()}
                    for each in self._groups:
                        if each.location == location.name and t in each.window:
                            watts |= dict.fromkeys(each.x, each.idle_w)
                            if each.staying is not None and t < self._warm:
                                watts[each.staying] = each.idle_w
                    rows.row(
                        watts, -math.inf, location.power_cap_w / location.pue - self._site.base_w[location.name, t]
                    )
        self._room_for_stays()

    def _room_for_stays(self) -> None:
        totals: dict[tuple[str, str, str], int] = {}
        for (location, machine), (gpus, _) in self._site.machines.items():
            for kind, count in gpus.items():
                key = location, self._site.holder(location, machine), kind
                totals[key] = totals.get(key, 0) + count
        for (location, holder, kind), total in totals.items():
            own = [each for each in self._groups if (each.location, each.holder) == (location, holder)]
            if any(each.staying is not None for each in own):
                taken: dict[int, float] = {}
                for each in own:
                    needs = float(self._site.modes[each.profile.mode].gpus.get(kind, 0))
                    taken |= dict.fromkeys((*each.x, *([] if each.staying is None else [each.staying])), needs)
                self._rows.row(taken, -math.inf, total)


def _runs_as(row: Running, profile: Profile) -> bool:
    same = (row.model, row.request_class, row.mode) == (profile.model, profile.request_class, profile.mode)
    return same and row.partition in (None, profile.partition)


def least_unserved(scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """The partitions of each model in which least demand is of a class that no machine could serve."""
    site = Site(scenario)
    found: dict[str, tuple[str, ...]] = {}
    for a in scenario.models:
        lacking = {each.partition: 0.0 for each in scenario.profiles if each.model == a}
        for row in scenario.demand:
            if row.model == a and not site.servable(row):
                lacking[row.partition] += row.demand_rps * scenario.demand_margin
        least = min(round(each, 4) for each in lacking.values())
        found[a] = tuple(q for q, each in lacking.items() if round(each, 4) == least)
    return found


def held_by(result: AllocationResult) -> dict[Key, int]:
    """The instances of a result."""
    found: dict[Key, int] = {}
    for each in result.instances:
        key = each.location, each.model, each.request_class, each.mode, each.machine or ""
        found[key] = found.get(key, 0) + each.count
    return found
