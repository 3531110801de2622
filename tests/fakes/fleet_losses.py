"""Losses in the oracle of random fleets: what protected demand needs of the instances that a loss leaves."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from models.domain.scenario import Demand, Profile, Survive
from tests.fakes.fleet_site import Site, label_of
from tests.fakes.milp_rows import Rows


@dataclass
class Group:
    """Instances of one profile at a location (on a machine, where that matters), used up to one load.

    `x`, `starting`, `staying` are variables: instances machine by machine; of these, those that do not serve yet;
    beside them, those that stop later.
    """

    location: str
    holder: str
    profile: Profile
    load: float
    idle_w: float
    joules: float
    window: range
    x: list[int]
    starting: int | None = None
    staying: int | None = None

    @property
    def capacity_rps(self) -> float:
        return self.profile.capacity_rps * self.load


class Losses:
    """Every loss that is to be survived, for every class, in every step that no other outdoes.

    Args:
        site: The fleet.
        groups: Instances.
        streams: Demand that some machine could serve.
        warm: First step in which nothing starts any more.
    """

    def __init__(self, site: Site, groups: list[Group], streams: list[Demand], warm: int) -> None:
        self._site, self._groups, self._warm = site, groups, warm
        protected = {each.name for each in site.scenario.tiers if each.protected}
        self._streams = [row for row in streams if row.tier in protected]

    def add(self, rows: Rows, y: Mapping[tuple[str, str], int], exposed: int) -> None:
        """Protected flows over what is left, or a shortage; `exposed` is the sum of the shortages."""
        total: dict[int, float] = {exposed: -1.0}
        for lost in self._losses():
            for label in sorted({label_of(row) for row in self._streams}):
                own = [row for row in self._streams if label_of(row) == label]
                for t in self._worst_steps(own):
                    total |= dict.fromkeys(self._without(rows, y, lost, [row for row in own if row.step == t]), 1.0)
        rows.row(total, 0.0, 0.0)

    def _losses(self) -> list[tuple[str, str | None]]:
        if self._site.scenario.survive is Survive.LOCATION:
            return [(each, None) for each in self._site.locations]
        if self._site.scenario.survive is Survive.MACHINE:
            return [(location, self._site.holder(location, machine)) for location, machine in self._site.machines]
        return []

    def _without(
        self, rows: Rows, y: Mapping[tuple[str, str], int], lost: tuple[str, str | None], streams: list[Demand]
    ) -> list[int]:
        """The shortages of one class in one step."""
        shortages = []
        left: dict[int, dict[int, float]] = {}
        for row in streams:
            short = rows.add()
            shortages.append(short)
            terms = {short: 1.0, y[row.model, row.partition]: -row.demand_rps * self._site.scenario.demand_margin}
            for k, each in enumerate(self._groups):
                gone = each.location == lost[0] and lost[1] in (None, each.holder)
                if not gone and row.step in each.window and self._site.allowed(row, each.profile, each.location):
                    g = rows.add()
                    terms[g] = left.setdefault(k, {})[g] = 1.0
            rows.row(terms, 0.0, math.inf)
        for k, flows in left.items():
            group = self._groups[k]
            rows.row({**flows, **dict.fromkeys(group.x, -group.profile.capacity_rps)}, -math.inf, 0.0)
        return shortages

    def _worst_steps(self, streams: list[Demand]) -> list[int]:
        """Steps after the starts; where nothing comes or goes, those in which no other asks for more of everything."""
        steps = range(self._warm, self._site.scenario.steps)
        if any(len(window) < self._site.scenario.steps for _, window in self._site.machines.values()):
            return list(steps)
        who = sorted({(row.origin, row.tier) for row in streams})
        rates = {(row.origin, row.tier, row.step): row.demand_rps for row in streams}
        asked = {t: [rates.get((*each, t), 0.0) for each in who] for t in steps}
        return [
            t
            for t in steps
            if not any(
                all(a <= b for a, b in zip(asked[t], asked[u], strict=True)) and (asked[t] != asked[u] or u < t)
                for u in steps
                if u != t
            )
        ]
