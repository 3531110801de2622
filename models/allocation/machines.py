"""The machines of a scenario: the GPUs that each has, all horizon long or in some steps, and what runs on them now."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from models.domain.scenario import Machine, Scenario


class Hardware(NamedTuple):
    """What needs a restart to change: the model an instance has loaded, and the GPUs it holds."""

    model: str
    gpus: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """GPUs that one instance takes, of all types."""
        return sum(count for _, count in self.gpus)


class Label(NamedTuple):
    """What changes without a restart: the class an instance serves, and its mode (hence its clock ceiling)."""

    request_class: str
    mode: str


class Standing(NamedTuple):
    """Instances of one label on one machine of a location."""

    machine: str
    hardware: Hardware
    label: Label


def hardware(scenario: Scenario, model: str, mode: str) -> Hardware:
    """Hardware of an instance of that model in that mode."""
    return Hardware(model, scenario.mode(mode).hardware)


def machine_gpus(scenario: Scenario) -> dict[str, dict[str, dict[str, int]]]:
    """GPUs by location, machine and GPU type that an instance may hold for the whole horizon.

    An instance runs in every step, so GPUs that are absent in any step cannot host one: they count as 0.
    A location without machines is one machine with the location's name and GPUs.
    """
    machines: dict[str, dict[str, dict[str, int]]] = {each.name: {} for each in scenario.locations}
    for row in scenario.machines:
        gpus = machines[row.location].setdefault(row.machine, {})
        gpus[row.gpu_type] = gpus.get(row.gpu_type, 0) + (row.gpus if _always_there(row, scenario.steps) else 0)
    for location in scenario.locations:
        if not machines[location.name]:
            machines[location.name][location.name] = dict(location.gpus)
    return machines


Passing = dict[tuple[str, str], tuple[dict[str, int], range]]
"""GPUs by type of machines that come or go, and the steps in which they are there, by (location, machine)."""


def passing_machines(scenario: Scenario) -> Passing:
    """Machines whose GPUs are there in the same, not all, of the steps: an instance there lives as long as they do.

    Of a machine whose GPUs come and go apart, those that are not there all horizon long host nothing.
    """
    rows: dict[tuple[str, str], list[Machine]] = {}
    for row in scenario.machines:
        if row.gpus:
            rows.setdefault((row.location, row.machine), []).append(row)
    passing: Passing = {}
    for place, parts in rows.items():
        windows = {_window(row, scenario.steps) for row in parts}
        window = next(iter(windows))
        if len(windows) == 1 and 0 < len(window) < scenario.steps:
            gpus: Counter[str] = Counter()
            for row in parts:
                gpus[row.gpu_type] += row.gpus
            passing[place] = (dict(gpus), window)
    return passing


def machines_now(scenario: Scenario) -> dict[str, dict[str, dict[str, int]]]:
    """GPUs by location, machine and GPU type that an instance may hold as the horizon begins, for all or part of it."""
    machines = machine_gpus(scenario)
    for (location, machine), (gpus, window) in passing_machines(scenario).items():
        if window.start == 0:
            machines[location][machine] = gpus
    return machines


def _window(row: Machine, steps: int) -> range:
    until = steps if row.available_until is None else min(row.available_until, steps)
    return range(max(row.available_from or 0, 0), max(until, 0))


def _always_there(row: Machine, steps: int) -> bool:
    return (row.available_from or 0) <= 0 and (row.available_until is None or row.available_until >= steps)


def running_at(scenario: Scenario, location: str) -> Counter[Standing]:
    """What runs now at a location, by machine, hardware and label.

    Where no machines are listed, the location is one machine, whatever name its running instances were given.
    """
    listed = any(each.location == location for each in scenario.machines)
    standing: Counter[Standing] = Counter()
    for each in scenario.running:
        if each.location == location and each.instances:
            label = Label(each.request_class, each.mode)
            machine = each.machine if listed else location
            standing[Standing(machine, hardware(scenario, each.model, each.mode), label)] += each.instances
    return standing


def free_gpus(machines: Mapping[str, Mapping[str, int]], standing: Counter[Standing]) -> dict[str, Counter[str]]:
    """GPUs by machine and type that nothing holds; negative where more stands there than the machine has.

    A machine that is not among `machines` (taken away since) has none.
    """
    free = {name: Counter(gpus) for name, gpus in machines.items()}
    for key, instances in standing.items():
        here = free.setdefault(key.machine, Counter())
        for gpu_type, count in key.hardware.gpus:
            here[gpu_type] -= count * instances
    return free
