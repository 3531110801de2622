"""What the fleet has, whatever is asked of it: GPUs, hosts, power that is drawn anyway, and what runs now."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from models.allocation.machines import Hardware, hardware, machine_gpus
from models.domain.scenario import Running, Scenario

Place = tuple[str, Hardware]
"""(location, hardware): what needs a restart to change, where."""


@dataclass(frozen=True)
class Fleet:
    """GPUs and standing instances of a scenario.

    Attributes:
        machines: GPUs that an instance may hold all horizon long, by location, machine, GPU type.
        stock: Ḡ[n,c], their sum by (location, GPU type).
        base_power_w: Watts at (location, step) with nothing running: every powered GPU parked, every host on. No
            plan switches hosts off, so a host is on while one of its GPUs is there.
        standing: X̂[n,h], running instances by (location, hardware) that may stay.
        labels: The same, row by row, for their classes.
        running_known: Whether the scenario says what runs. If it does not, nothing is charged for starting.
    """

    machines: Mapping[str, Mapping[str, Mapping[str, int]]]
    stock: Mapping[tuple[str, str], int]
    base_power_w: Mapping[tuple[str, int], float]
    standing: Mapping[Place, int]
    labels: tuple[Running, ...]
    running_known: bool

    def room(self, location: str, gpus: Mapping[str, int]) -> int:
        """How many instances that take these GPUs the machines of a location hold; one does not span machines."""
        return sum(
            min((here.get(kind, 0) // count for kind, count in gpus.items() if count), default=0)
            for here in self.machines[location].values()
        )

    @classmethod
    def of(cls, scenario: Scenario) -> "Fleet":
        """The fleet of a scenario."""
        machines = machine_gpus(scenario)
        stock: Counter[tuple[str, str]] = Counter()
        for location, here in machines.items():
            for gpus in here.values():
                stock.update({(location, kind): count for kind, count in gpus.items()})
        labels = _staying(scenario, machines)
        standing: Counter[Place] = Counter()
        for row in labels:
            standing[row.location, hardware(scenario, row.model, row.mode)] += row.instances
        base = _base_power_w(scenario)
        return cls(machines, stock, base, standing, labels, bool(scenario.running))


def _staying(scenario: Scenario, machines: Mapping[str, Mapping[str, Mapping[str, int]]]) -> tuple[Running, ...]:
    """Running instances whose machine has their GPUs all horizon long; the rest must move, hence start anew."""
    free = {(n, machine): Counter(gpus) for n, here in machines.items() for machine, gpus in here.items()}
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
            rows.append(
                Running(row.location, row.machine, row.mode, row.request_class, count, row.partition, row.model)
            )
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
