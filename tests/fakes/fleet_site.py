"""What a random fleet has: machines and their windows, watts by load, the price of a joule, who may be served where.

Written from the formulas of the problem alone; it shares no code with the planner.
"""

from collections.abc import Iterator

from models.domain.scenario import Demand, Profile, Running, Scenario, ServiceLevel, Survive

JOULES_PER_KWH = 3.6e6
Label = tuple[str, str, str]
"""Model, partition, class."""


def label_of(row: Demand | Profile | ServiceLevel) -> Label:
    """Whose class it is."""
    return row.model, row.partition, row.request_class


class Site:
    """The fleet of a scenario whose objective is carbon.

    Attributes:
        machines: GPUs by type, and the steps in which they are there, by (location, machine).
        price_g_j: PUE times the floored signal, g for a joule at the GPUs, by (location, step).
        base_w: Parked GPUs and hosts, watts by (location, step), before PUE.
        running: What runs where its machine has the GPUs for it; the rest is lost.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.modes = {each.name: each for each in scenario.modes}
        self.locations = {each.name: each for each in scenario.locations}
        self.levels = {(*label_of(each), each.tier): each for each in scenario.slos}
        self.machines: dict[tuple[str, str], tuple[dict[str, int], range]] = {}
        self.base_w = {(n, t): 0.0 for n in self.locations for t in range(scenario.steps)}
        self._listed = {each.location for each in scenario.machines}
        self._find_machines()
        e = {(each.location, each.step): each.carbon_gco2e_per_kwh / JOULES_PER_KWH for each in scenario.carbon}
        floor = 1e-6 * (max(abs(each) for each in e.values()) or 1.0)
        self.price_g_j = {(n, t): max(each, floor) * self.locations[n].pue for (n, t), each in e.items()}
        self.running = tuple(self._running())

    @property
    def base_g(self) -> float:
        """What no allocation avoids, g."""
        return sum(self.price_g_j[slot] * watts for slot, watts in self.base_w.items()) * self.scenario.step_s

    def holder(self, location: str, machine: str) -> str:
        """The machine where it matters which one it is: it may be lost, or come or go; else empty."""
        matters = (
            self.scenario.survive is Survive.MACHINE or len(self.machines[location, machine][1]) < self.scenario.steps
        )
        return machine if matters else ""

    def allowed(self, row: Demand, profile: Profile, location: str) -> bool:
        """Whether an instance at a location may serve these requests: residency, and SLO over the network."""
        here, level = self.locations[location], self.levels[(*label_of(row), row.tier)]
        rtt_s = here.rtt_s.get(row.origin, 0.0)
        return (
            label_of(row) == label_of(profile)
            and profile.capacity_rps > 0
            and (here.allowed_origins is None or row.origin in here.allowed_origins)
            and profile.latency_s + rtt_s <= level.latency_s
            and profile.ttft_s + rtt_s <= level.ttft_s
            and profile.tbt_s <= level.tbt_s
        )

    def most(self, mode: str, location: str, machine: str) -> int:
        """How many instances a machine has GPUs for."""
        gpus = self.machines[location, machine][0]
        return min(gpus.get(kind, 0) // count for kind, count in self.modes[mode].gpus.items())

    def servable(self, row: Demand) -> bool:
        """Whether any machine could serve these requests."""
        return any(
            self.allowed(row, profile, n) and self.most(profile.mode, n, machine)
            for profile in self.scenario.profiles
            for n, machine in self.machines
        )

    def lines(self, profile: Profile, location: str) -> list[tuple[float, float, float]]:
        """(load, idle watts above parked, joules a request) for each load that an instance may be used up to.

        Each line meets the curve at its load and is above it below; one line where the curve is nearly straight.
        """
        parked_w = sum(self.locations[location].parked_power_w[c] * g for c, g in self.modes[profile.mode].gpus.items())
        idle_w = max(profile.idle_power_w, parked_w)
        straight = [
            profile.idle_power_w + (profile.full_power_w - profile.idle_power_w) * u for u, _ in profile.power_levels
        ]
        off = [abs(w - s) for (_, w), s in zip(profile.power_levels, straight, strict=True)]
        if not off or max(off) <= 0.05 * profile.full_power_w:
            full_w = max(profile.full_power_w, idle_w)
            return [(1.0, idle_w - parked_w, (full_w - idle_w) / max(profile.capacity_rps, 1e-9))]
        points = [(0.0, idle_w)]
        for load, watts in profile.power_levels:
            points.append((load, max(watts, points[-1][1])))
        found = []
        for k, (load, watts) in enumerate(points[1:], start=1):
            slope_w = min((watts - below) / (load - u) for u, below in points[:k])
            found.append((load, watts - slope_w * load - parked_w, slope_w / profile.capacity_rps))
        return found

    def _find_machines(self) -> None:
        steps = range(self.scenario.steps)
        for name, location in self.locations.items():
            if name not in self._listed:
                self.machines[name, name] = dict(location.gpus), steps
                for t in steps:
                    self.base_w[name, t] += location.host_power_w
                    self.base_w[name, t] += sum(location.parked_power_w[c] * g for c, g in location.gpus.items())
        hosts = set()
        for row in self.scenario.machines:
            location = self.locations[row.location]
            for t in _steps(row.available_from, row.available_until, steps):
                self.base_w[row.location, t] += row.gpus * location.parked_power_w[row.gpu_type]
                hosts.add((row.location, row.machine, t))
        for n, _, t in hosts:
            self.base_w[n, t] += self.locations[n].host_power_w
        for place in dict.fromkeys((each.location, each.machine) for each in self.scenario.machines):
            self.machines[place] = self._gpus_of(place, steps)

    def _gpus_of(self, place: tuple[str, str], steps: range) -> tuple[dict[str, int], range]:
        """GPUs that an instance there may hold: of one window, else only those of the whole horizon."""
        rows = [each for each in self.scenario.machines if (each.location, each.machine) == place and each.gpus]
        windows = [_steps(each.available_from, each.available_until, steps) for each in rows]
        if rows and all(each == windows[0] for each in windows):
            return {each.gpu_type: each.gpus for each in rows}, windows[0]
        whole = {each.gpu_type: each.gpus for each, there in zip(rows, windows, strict=True) if there == steps}
        return whole, steps

    def _running(self) -> Iterator[tuple[Running, str]]:
        """Running rows with as many instances as their machine has GPUs for, and the machine they are on."""
        left = {place: dict(gpus) if there.start == 0 else {} for place, (gpus, there) in self.machines.items()}
        for row in sorted(
            self.scenario.running, key=lambda each: (each.location, each.machine, each.mode, each.request_class)
        ):
            machine = row.machine if row.location in self._listed else row.location
            gpus, needs = left[row.location, machine], self.modes[row.mode].gpus
            count = min(row.instances, *(gpus.get(kind, 0) // each for kind, each in needs.items()))
            for kind, each in needs.items():
                gpus[kind] = gpus.get(kind, 0) - each * count
            for _ in range(count):
                yield row, machine


def _steps(first: int | None, until: int | None, steps: range) -> range:
    return range(first or 0, steps.stop if until is None else until)
