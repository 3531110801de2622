"""Which of the instances that are there serve a new target, which change their pool, which are missing, which go."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from models.simulator.fleet_member import Member, Stage
from models.simulator.fleet_target import PoolKey

_BY_USE = {Stage.READY: 0, Stage.LOADING: 1, Stage.DRAINING: 2, Stage.AWAITING_GPUS: 3}
"""What is nearer to serving is kept first."""


@dataclass
class Matching:
    """How what is there becomes what shall be.

    Attributes:
        kept: Instances that stay in their pool.
        moved: Instances that change their pool, with the new one.
        missing: Pools, once for each instance to start.
        surplus: Instances that nothing asks for.
    """

    kept: list[Member] = field(default_factory=list)
    moved: list[tuple[Member, PoolKey]] = field(default_factory=list)
    missing: list[PoolKey] = field(default_factory=list)
    surplus: list[Member] = field(default_factory=list)


def match(members: Iterable[Member], wanted: Mapping[PoolKey, int]) -> Matching:
    """Match instances of one location, model and hardware with the pools of that hardware there.

    Each pool keeps its own; what it lacks it takes from what others have over, and only then are instances started.
    """
    found = Matching()
    over = sorted(members, key=lambda each: (_BY_USE[each.stage], each.number))
    lacking: list[PoolKey] = []
    for key in sorted(wanted, key=by_name):
        own = [each for each in over if each.key == key][: wanted[key]]
        found.kept += own
        over = [each for each in over if each not in own]
        lacking += [key] * (wanted[key] - len(own))
    for key in lacking:
        if over:
            found.moved.append((over.pop(0), key))
        else:
            found.missing.append(key)
    found.surplus = over
    return found


def by_name(key: PoolKey) -> tuple[str, str, str, str]:
    """Order of pools."""
    return key.location, key.model, key.request_class, key.mode
