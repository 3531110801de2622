"""The floor of one location: its machines while they are being packed, and moves that change little."""

from collections import Counter
from collections.abc import Mapping

from models.allocation.machines import Hardware, Label, Standing, free_gpus


class Floor:
    """Machines of one location with what is kept on them and what is to start there.

    Attributes:
        kept: Running instances that stay on their machine.
        started: New instances by machine and hardware; they have no label yet.
        free: GPUs by machine and type that neither holds.
    """

    def __init__(
        self,
        machines: Mapping[str, Mapping[str, int]],
        running: Counter[Standing],
        wanted: Counter[tuple[Hardware, Label]],
    ) -> None:
        self._wanted = wanted
        self._totals: Counter[Hardware] = Counter()
        for (kind, _), count in wanted.items():
            self._totals[kind] += count
        self._machines = machines
        self._free_now = free_gpus(machines, running)
        self.kept: Counter[Standing] = Counter({key: n for key, n in running.items() if key.machine in machines})
        self.started: Counter[tuple[str, Hardware]] = Counter()
        self.free = free_gpus(machines, self.kept)

    def drop_surplus(self) -> None:
        """Let go of running instances until every machine holds what it has GPUs for, and no more run than wanted."""
        for machine in sorted(self._machines):
            while any(count < 0 for count in self.free[machine].values()):
                short = {gpu_type for gpu_type, count in self.free[machine].items() if count < 0}
                self._drop(min(self._standing_on(machine, short), key=self._reluctance))
        for kind in sorted({key.hardware for key in self.kept}):
            while self._kept_of(kind) > self._totals[kind]:
                self._drop(
                    min((key for key, n in self.kept.items() if n and key.hardware == kind), key=self._reluctance)
                )

    def start_missing(self) -> int:
        """Start what is wanted beyond what is kept, largest first; GPUs' worth of instances that found no place."""
        short = 0
        for kind in sorted(self._totals, key=lambda each: (-each.size, each)):
            for _ in range(self._totals[kind] - self._kept_of(kind) - self._started_of(kind)):
                machine = self._best_fit(kind) or self._clear_for(kind)
                if machine is None:
                    short += kind.size
                else:
                    self._start(machine, kind)
        return short

    def reshape(self, target: Mapping[tuple[str, Hardware], int]) -> None:
        """Keep and start exactly so many instances of each hardware on each machine."""
        for machine, kind in sorted({(key.machine, key.hardware) for key in self.kept}):
            here = [key for key in self.kept if key.machine == machine and key.hardware == kind]
            while sum(self.kept[key] for key in here) > target.get((machine, kind), 0):
                self._drop(min((key for key in here if self.kept[key]), key=self._reluctance))
        for (machine, kind), count in sorted(target.items()):
            here = [key for key in self.kept if key.machine == machine and key.hardware == kind]
            for _ in range(count - sum(self.kept[key] for key in here)):
                self._start(machine, kind)

    def _kept_of(self, kind: Hardware) -> int:
        return sum(count for key, count in self.kept.items() if key.hardware == kind)

    def _started_of(self, kind: Hardware) -> int:
        return sum(count for (_, each), count in self.started.items() if each == kind)

    def _standing_on(self, machine: str, gpu_types: set[str]) -> list[Standing]:
        return [
            key
            for key, count in self.kept.items()
            if count and key.machine == machine and gpu_types & {gpu_type for gpu_type, _ in key.hardware.gpus}
        ]

    def _reluctance(self, key: Standing) -> tuple[bool, bool, int, Standing]:
        """Order in which running instances go: hardware in surplus, then label in surplus, then emptiest machine."""
        surplus = self._kept_of(key.hardware) > self._totals[key.hardware]
        same = sum(n for each, n in self.kept.items() if (each.hardware, each.label) == (key.hardware, key.label))
        used = sum(self._machines[key.machine].values()) - sum(self.free[key.machine].values())
        return not surplus, same <= self._wanted[key.hardware, key.label], used, key

    def _best_fit(self, kind: Hardware) -> str | None:
        """Machine with least left over, one with GPUs free now before one that must stop something first."""
        fitting = [machine for machine in self._machines if _fits(self.free[machine], kind)]
        return min(
            fitting,
            key=lambda machine: (
                not _fits(self._free_now[machine], kind),
                sum(self.free[machine][gpu_type] for gpu_type, _ in kind.gpus),
                machine,
            ),
            default=None,
        )

    def _clear_for(self, kind: Hardware) -> str | None:
        """Machine cleared of the fewest GPUs' worth of smaller instances so that this one fits, if there is one."""
        ways = [(way, machine) for machine in sorted(self._machines) if (way := self._evictions(machine, kind))]
        if not ways:
            return None
        way, machine = min(ways, key=lambda each: (sum(key.hardware.size for key in each[0]), each[1]))
        for key in way:
            self._drop(key)
        return machine

    def _evictions(self, machine: str, kind: Hardware) -> list[Standing]:
        """Kept, smaller instances to move so that `kind` fits on the machine; empty when that is not enough."""
        free = Counter(self.free[machine])
        way: list[Standing] = []
        smaller = [key for key in self.kept.elements() if key.machine == machine and key.hardware.size < kind.size]
        for key in sorted(smaller, key=lambda each: (-each.hardware.size, self._reluctance(each))):
            missing = {gpu_type for gpu_type, count in kind.gpus if free[gpu_type] < count}
            if not missing:
                break
            if missing & {gpu_type for gpu_type, _ in key.hardware.gpus}:
                free.update(dict(key.hardware.gpus))
                way.append(key)
        return way if _fits(free, kind) else []

    def _drop(self, key: Standing) -> None:
        self.kept[key] -= 1
        self.free[key.machine].update(dict(key.hardware.gpus))

    def _start(self, machine: str, kind: Hardware) -> None:
        self.started[machine, kind] += 1
        self.free[machine].subtract(dict(kind.gpus))
        self._free_now[machine].subtract(dict(kind.gpus))


def _fits(free: Mapping[str, int], kind: Hardware) -> bool:
    return all(free.get(gpu_type, 0) >= count for gpu_type, count in kind.gpus)
