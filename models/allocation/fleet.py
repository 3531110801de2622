"""What the fleet has, whatever is asked of it: GPUs, hosts, power that is drawn anyway, and what runs now."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from models.allocation.machines import Hardware, hardware, machine_gpus, passing_machines
from models.domain.scenario import Running, Scenario, Survive

Place = tuple[str, str, Hardware]
"""(location, machine or empty for any, hardware): what needs a restart to change, where."""


@dataclass(frozen=True)
class Fleet:
    """GPUs and standing instances of a scenario.

    Attributes:
        holders: GPUs by location, by name of a machine or, under the empty name, of all machines between which an
            instance need not choose, and by GPU type. Machines have names of their own where one must be outlived, or
            where they are there in some steps only.
        machines: GPUs that an instance may hold all horizon long, by location, machine, GPU type.
        windows: Steps in which machines that come or go are there, by (location, machine).
        base_power_w: Watts at (location, step) with nothing running: every powered GPU parked, every host on. No
            plan switches hosts off, so a host is on while one of its GPUs is there.
        standing: X̂[n,h], running instances by place that may stay.
        labels: The same, row by row, for their classes.
        running_known: Whether the scenario says what runs. If it does not, nothing is charged for starting.
        steps: T.
    """

    holders: Mapping[str, Mapping[str, Mapping[str, int]]]
    machines: Mapping[str, Mapping[str, Mapping[str, int]]]
    windows: Mapping[tuple[str, str], range]
    base_power_w: Mapping[tuple[str, int], float]
    standing: Mapping[Place, int]
    labels: tuple[Running, ...]
    running_known: bool
    steps: int

    def room(self, location: str, gpus: Mapping[str, int], machine: str = "") -> int:
        """How many instances that take these GPUs a machine, or those of a location, hold; one does not span them."""
        here = [self.holders[location].get(machine, {})] if machine else self.machines[location].values()
        return sum(
            min((each.get(kind, 0) // count for kind, count in gpus.items() if count), default=0) for each in here
        )

    def window(self, location: str, machine: str) -> range:
        """Steps in which a machine's GPUs are there."""
        return self.windows.get((location, machine), range(self.steps))

    def holder(self, location: str, machine: str) -> str:
        """The name under which a machine's GPUs are held: its own, or the empty one."""
        return machine if machine in self.holders[location] else next(iter(self.holders[location]), "")

    @classmethod
    def of(cls, scenario: Scenario) -> "Fleet":
        """The fleet of a scenario."""
        machines, passing = machine_gpus(scenario), passing_machines(scenario)
        holders = {name: _holders(scenario, here) for name, here in machines.items()}
        for (location, machine), (gpus, _) in passing.items():
            holders[location][machine] = gpus
        windows = {place: window for place, (_, window) in passing.items()}
        labels = _staying(scenario, machines, passing)
        base, known = _base_power_w(scenario), bool(scenario.running)
        bare = cls(holders, machines, windows, base, {}, labels, known, scenario.steps)
        standing: Counter[Place] = Counter()
        for row in labels:
            holder = bare.holder(row.location, row.machine)
            standing[row.location, holder, hardware(scenario, row.model, row.mode)] += row.instances
        return replace(bare, standing=standing)


def _holders(scenario: Scenario, here: Mapping[str, Mapping[str, int]]) -> dict[str, Mapping[str, int]]:
    if scenario.survive is Survive.MACHINE:
        return dict(here)
    stock: Counter[str] = Counter()
    for gpus in here.values():
        stock.update(gpus)
    return {"": stock}


def _staying(
    scenario: Scenario,
    machines: Mapping[str, Mapping[str, Mapping[str, int]]],
    passing: Mapping[tuple[str, str], tuple[Mapping[str, int], range]],
) -> tuple[Running, ...]:
    """Running instances whose machine has their GPUs now and for a while; the rest must move, hence start anew.

    Where no machines are listed, the location is one machine, whatever name its running instances were given.
    """
    free = {(n, machine): Counter(gpus) for n, here in machines.items() for machine, gpus in here.items()}
    free |= {place: Counter(gpus) for place, (gpus, window) in passing.items() if window.start == 0}
    listed = {each.location for each in scenario.machines}
    rows = []
    for row in sorted(scenario.running, key=lambda each: (each.location, each.machine, each.mode, each.request_class)):
        machine = row.machine if row.location in listed else row.location
        gpus = free.get((row.location, machine), Counter())
        needs = scenario.mode(row.mode).gpus
        fit = min((gpus[kind] // count for kind, count in needs.items()), default=0)
        count = min(row.instances, max(fit, 0))
        gpus.subtract({kind: each * count for kind, each in needs.items()})
        if count:
            rows.append(replace(row, machine=machine, instances=count))
    return tuple(rows)


def _base_power_w(scenario: Scenario) -> dict[tuple[str, int], float]:
    """Σ_c Ppark[c]·(powered GPUs) + Phost·(hosts), by location and step, watts before PUE."""
    listed = {each.location for each in scenario.machines}
    base = {}
    for location in scenario.locations:
        for step in range(scenario.steps):
            if location.name in listed:
                rows = [
                    each
                    for each in scenario.machines
                    if each.location == location.name
                    and (each.available_from or 0) <= step
                    and (each.available_until is None or step < each.available_until)
                ]
                gpus = [(each.gpu_type, each.gpus) for each in rows]
                hosts = len({each.machine for each in rows})
            else:
                gpus, hosts = list(location.gpus.items()), 1
            parked_w = sum(location.parked_power_w[kind] * count for kind, count in gpus if count)
            base[location.name, step] = parked_w + location.host_power_w * hosts
    return base
