"""Exact search for a packing, within a limit of work: the last resort when moving little does not fit."""

from collections import Counter
from collections.abc import Iterator, Mapping

from models.allocation.machines import Hardware, Standing

MAX_NODES = 20_000
"""Placements tried before the search gives up; a location of ten machines needs a few dozen."""


def exact_packing(
    machines: Mapping[str, Mapping[str, int]], running: Counter[Standing], wanted: Mapping[Hardware, int]
) -> dict[tuple[str, Hardware], int] | None:
    """Instances by machine and hardware that hold all that is wanted, or None when none was found.

    Depth first, largest instances first, on a machine that runs the same hardware before another. Machines with
    the same free GPUs are tried once, and a state that failed is not tried again.
    """
    return _Search(machines, running, wanted).run()


class _Search:
    def __init__(
        self,
        machines: Mapping[str, Mapping[str, int]],
        running: Counter[Standing],
        wanted: Mapping[Hardware, int],
    ) -> None:
        self._free = {name: Counter(gpus) for name, gpus in machines.items()}
        self._runs: Counter[tuple[str, Hardware]] = Counter()
        for key, count in running.items():
            self._runs[key.machine, key.hardware] += count
        kinds = sorted(wanted, key=lambda each: (-each.size, each))
        self._queue = [kind for kind in kinds for _ in range(wanted[kind])]
        self._failed: set[tuple[int, tuple[tuple[tuple[str, int], ...], ...]]] = set()

    def run(self) -> dict[tuple[str, Hardware], int] | None:
        """Search without recursion: `path` holds the machine chosen for each instance so far."""
        path: list[str] = []
        choices = [self._choices(0)] if self._queue else []
        for _ in range(MAX_NODES):
            if len(path) == len(self._queue):
                return Counter(zip(path, self._queue, strict=True))
            machine = next(choices[-1], None)
            if machine is not None:
                self._free[machine].subtract(dict(self._queue[len(path)].gpus))
                path.append(machine)
                choices.append(self._choices(len(path)))
                continue
            self._failed.add(self._state(len(path)))
            choices.pop()
            if not choices:
                return None
            self._free[path[-1]].update(dict(self._queue[len(path) - 1].gpus))
            path.pop()
        return None

    def _choices(self, depth: int) -> Iterator[str]:
        if depth == len(self._queue) or self._state(depth) in self._failed or not self._enough(depth):
            return
        kind = self._queue[depth]
        tried: set[tuple[bool, tuple[tuple[str, int], ...]]] = set()
        for machine in sorted(self._free, key=lambda each: (-self._runs[each, kind], each)):
            free = self._free[machine]
            shape = (self._runs[machine, kind] > 0, tuple(sorted(free.items())))
            if shape not in tried and all(free[gpu_type] >= count for gpu_type, count in kind.gpus):
                tried.add(shape)
                yield machine

    def _enough(self, depth: int) -> bool:
        """Whether the GPUs left, of every type, are at least those still wanted."""
        needed: Counter[str] = Counter()
        for kind in self._queue[depth:]:
            needed.update(dict(kind.gpus))
        total: Counter[str] = Counter()
        for free in self._free.values():
            total.update(free)
        return all(total[gpu_type] >= count for gpu_type, count in needed.items())

    def _state(self, depth: int) -> tuple[int, tuple[tuple[tuple[str, int], ...], ...]]:
        return depth, tuple(sorted(tuple(sorted(free.items())) for free in self._free.values()))
