"""The ordered way from what runs to the plan: start before stop, drain before stop, the dip stated where not."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from freesh_plugin.core.plan import Action, Transition
from models.allocation.machines import (
    Hardware,
    Label,
    Standing,
    free_gpus,
    hardware,
    machines_now,
    passing_machines,
    running_at,
)
from models.allocation.pack import Placed
from models.domain.scenario import Scenario

_DECIMALS = 9
"""Of a rate in req/s: below that it is rounding of sums, not capacity."""

_Site = tuple[str, Standing]
"""Location, and what stands on one of its machines."""


def transitions(scenario: Scenario, slices: Iterable[Placed], partition: Mapping[str, str]) -> tuple[Transition, ...]:
    """Changes from `scenario.running` to the slices, in stages of equal `order` that may each go at once.

    1. Starts that fit into free GPUs. 2. Re-labels: no restart. 3. Where a start still waits for GPUs: drain and
    stop just enough on its machine, what is missed least first, then start. 4. Drain and stop what is left over.
    5. Start on machines that come later, and drain and stop on those that go, each at its time.
    Whatever order a stage is carried out in, no machine ever holds more GPUs than it has (one that lost GPUs is
    emptied before it starts anything). A drain or re-label that leaves its class with less than both the running
    and the planned fleet offer carries what is missing as `dip_rps`.

    Args:
        scenario: With what runs now and on which machines.
        slices: What each machine shall hold.
        partition: Partition of the plan by model, whose profiles say what an instance is worth in req/s.
    """
    return tuple(_Way(scenario, slices, partition).walk())


class _Way:
    """Replays the changes while it writes them down, so that free GPUs and capacity are known at each stage."""

    def __init__(self, scenario: Scenario, slices: Iterable[Placed], partition: Mapping[str, str]) -> None:
        self._rps = _capacities(scenario, partition)
        before, after = _running(scenario), _planned(scenario, slices)
        self._serving = self._capacity(before)
        wanted = self._capacity(after)
        self._floor = {key: min(self._serving[key], wanted[key]) for key in wanted}
        self._relabels = list(_relabels(before, after))
        for location, old, new in self._relabels:
            before[location, old] -= 1
            after[location, new] -= 1
        self._starts, self._stops = +(after - before), +(before - after)
        self._passing = {place: window for place, (_, window) in passing_machines(scenario).items()}
        self._step_s, self._steps = scenario.step_s, scenario.steps
        self._later = [site for site in sorted(self._starts.elements()) if self._comes_at(site)]
        self._starts = Counter({site: n for site, n in self._starts.items() if not self._comes_at(site)})
        self._leaving = [site for site in sorted(after.elements()) if self._goes_at(site)]
        self._free = {
            (location, machine): free
            for location, machines in machines_now(scenario).items()
            for machine, free in free_gpus(machines, running_at(scenario, location)).items()
        }
        self._order = 0

    def walk(self) -> Iterator[Transition]:
        """All stages."""
        yield from self._stage(self._start_what_fits())
        yield from self._stage(self._relabel())
        while self._starts:
            room = self._make_room()
            yield from self._stage(self._drain(room))
            yield from self._stage(self._stop(room))
            yield from self._stage(self._start_what_fits())
        rest = list(self._stops.elements())
        yield from self._stage(self._drain(rest))
        yield from self._stage(self._stop(rest))
        yield from self._stage(self._transition(Action.START, site, at_s=self._comes_at(site)) for site in self._later)
        for action in (Action.DRAIN, Action.STOP):
            yield from self._stage(self._transition(action, site, at_s=self._goes_at(site)) for site in self._leaving)

    def _comes_at(self, site: _Site) -> int:
        """Seconds after which the GPUs of a site come; 0 where they are there."""
        window = self._passing.get((site[0], site[1].machine))
        return window.start * self._step_s if window else 0

    def _goes_at(self, site: _Site) -> int:
        """Seconds after which the GPUs of a site are gone; 0 where they stay."""
        window = self._passing.get((site[0], site[1].machine))
        return window.stop * self._step_s if window and window.stop < self._steps else 0

    def _stage(self, changes: Iterable[Transition]) -> Iterator[Transition]:
        """Equal changes of a stage joined into one, all with the same order."""
        stage: dict[Transition, Transition] = {}
        for each in changes:
            key = msgspec.structs.replace(each, instances=0, dip_rps=0.0)
            same = stage.get(key)
            stage[key] = each if same is None else _joined(same, each)
        yield from stage.values()
        self._order += bool(stage)

    def _start_what_fits(self) -> Iterator[Transition]:
        for site in sorted(self._starts.elements(), key=_largest_first):
            location, standing = site
            if self._fits(location, standing):
                self._starts[site] -= 1
                self._free[location, standing.machine].subtract(dict(standing.hardware.gpus))
                self._serve(standing, +1)
                yield self._transition(Action.START, site)
        self._starts = +self._starts

    def _relabel(self) -> Iterator[Transition]:
        for location, old, new in self._relabels:
            self._serve(new, +1)
            yield self._transition(Action.RELABEL, (location, new), self._serve(old, -1), old.label)

    def _make_room(self) -> list[_Site]:
        """Instances to stop, on each machine where a start waits, so that its largest start fits."""
        room: list[_Site] = []
        done: set[tuple[str, str]] = set()
        for location, standing in sorted(self._starts, key=_largest_first):
            place = (location, standing.machine)
            if place in done:
                continue
            done.add(place)
            free = Counter(self._free[place])
            for site in self._missed_least(place):
                lacking = {gpu_type for gpu_type, count in standing.hardware.gpus if free[gpu_type] < count}
                if not lacking:
                    break
                if lacking & {gpu_type for gpu_type, _ in site[1].hardware.gpus}:
                    free.update(dict(site[1].hardware.gpus))
                    room.append(site)
        return room

    def _missed_least(self, place: tuple[str, str]) -> list[_Site]:
        here = (site for site in self._stops.elements() if (site[0], site[1].machine) == place)
        return sorted(here, key=lambda site: (self._shortage_without(site[1]), _largest_first(site)))

    def _shortage_without(self, standing: Standing) -> float:
        key, rps = self._worth(standing)
        return round(max(0.0, self._floor.get(key, 0.0) - (self._serving[key] - rps)), _DECIMALS)

    def _drain(self, sites: Sequence[_Site]) -> Iterator[Transition]:
        for site in sites:
            yield self._transition(Action.DRAIN, site, self._serve(site[1], -1))

    def _stop(self, sites: Sequence[_Site]) -> Iterator[Transition]:
        for site in sites:
            location, standing = site
            self._free[location, standing.machine].update(dict(standing.hardware.gpus))
            self._stops[site] -= 1
            yield self._transition(Action.STOP, site)

    def _fits(self, location: str, standing: Standing) -> bool:
        free = self._free[location, standing.machine]
        return all(free[gpu_type] >= count for gpu_type, count in standing.hardware.gpus)

    def _serve(self, standing: Standing, instances: int) -> float:
        """Add or take away serving instances; the shortage, req/s, that this adds below the floor."""
        key, rps = self._worth(standing)
        floor = self._floor.get(key, 0.0)
        before = max(0.0, floor - self._serving[key])
        self._serving[key] += instances * rps
        return round(max(0.0, floor - self._serving[key] - before), _DECIMALS)

    def _worth(self, standing: Standing) -> tuple[tuple[str, str], float]:
        model, label = standing.hardware.model, standing.label
        return (model, label.request_class), self._rps.get((model, *label), 0.0)

    def _capacity(self, sites: Counter[_Site]) -> dict[tuple[str, str], float]:
        total: dict[tuple[str, str], float] = {(model, name): 0.0 for model, name, _ in self._rps}
        for (_, standing), count in sites.items():
            key, rps = self._worth(standing)
            total[key] = total.get(key, 0.0) + count * rps
        return total

    def _transition(
        self, action: Action, site: _Site, dip_rps: float = 0.0, was: Label | None = None, at_s: int = 0
    ) -> Transition:
        location, standing = site
        return Transition(
            order=self._order,
            action=action,
            location=location,
            machine=standing.machine,
            model=standing.hardware.model,
            request_class=standing.label.request_class,
            mode=standing.label.mode,
            instances=1,
            dip_rps=dip_rps,
            from_class=was.request_class if was else None,
            from_mode=was.mode if was else None,
            at_s=at_s,
        )


def _relabels(before: Counter[_Site], after: Counter[_Site]) -> Iterator[tuple[str, Standing, Standing]]:
    """Pairs of surplus and missing labels on the same machine and hardware, in a fixed order."""
    missing: dict[tuple[str, str, Hardware], list[Standing]] = {}
    for location, new in sorted((after - before).elements()):
        missing.setdefault((location, new.machine, new.hardware), []).append(new)
    for location, old in sorted((before - after).elements()):
        waiting = missing.get((location, old.machine, old.hardware))
        if waiting:
            yield location, old, waiting.pop(0)


def _running(scenario: Scenario) -> Counter[_Site]:
    sites: Counter[_Site] = Counter()
    for location in scenario.locations:
        for standing, count in running_at(scenario, location.name).items():
            sites[location.name, standing] += count
    return sites


def _planned(scenario: Scenario, slices: Iterable[Placed]) -> Counter[_Site]:
    sites: Counter[_Site] = Counter()
    for each in slices:
        kind = hardware(scenario, each.model, each.mode)
        sites[each.location, Standing(each.machine, kind, Label(each.request_class, each.mode))] += each.instances
    return sites


def _capacities(scenario: Scenario, partition: Mapping[str, str]) -> dict[tuple[str, str, str], float]:
    """Capacity in req/s of one instance by model, class and mode, in the plan's partition."""
    return {
        (each.model, each.request_class, each.mode): each.capacity_rps
        for each in scenario.profiles
        if partition.get(each.model) == each.partition
    }


def _largest_first(site: _Site) -> tuple[int, _Site]:
    return -site[1].hardware.size, site


def _joined(one: Transition, other: Transition) -> Transition:
    return msgspec.structs.replace(one, instances=one.instances + other.instances, dip_rps=one.dip_rps + other.dip_rps)
