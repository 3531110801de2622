"""All instances of the fleet, and which of them serve whom; looked up far more often than it changes."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from models.domain.engine import EngineModel
from models.simulator.energy_books import EnergyBooks
from models.simulator.fleet_member import Member, Stage
from models.simulator.fleet_target import PoolKey, PoolTarget
from models.simulator.instance_types import Outcome

ByLocation = Mapping[str, Sequence[Member]]


class Roster:
    """Instances in the order in which they were asked for.

    Attributes:
        members: Those that are not gone.
        gone: Those that are.
        version: Another number after every change.
    """

    def __init__(self, books: EnergyBooks, ended: Callable[[Member, Outcome], None]) -> None:
        self.members: list[Member] = []
        self.gone: list[Member] = []
        self.version = 0
        self._books, self._ended = books, ended
        self._classes: dict[tuple[str, str], dict[str, list[Member]]] = {}
        self._models: dict[str, dict[str, list[Member]]] = {}
        self._coming: dict[str, dict[str, list[Member]]] = {}

    def new(self, key: PoolKey, engine: EngineModel, target: PoolTarget) -> Member:
        """One more instance, which has no GPUs yet."""
        member = Member(len(self.members) + len(self.gone), key, engine, target, self._books, self._ended)
        self.members.append(member)
        return member

    def leave(self, member: Member) -> None:
        """An instance is gone."""
        self.members.remove(member)
        self.gone.append(member)

    def changed(self) -> None:
        """Look anew at who serves whom: to be called after every change of a stage or a pool."""
        self.version += 1
        self._classes, self._models, self._coming = {}, {}, {}
        for each in self.members:
            key = each.key
            if each.stage is Stage.READY:
                by_class = self._classes.setdefault((key.model, key.request_class), {})
                by_class.setdefault(key.location, []).append(each)
                self._models.setdefault(key.model, {}).setdefault(key.location, []).append(each)
            elif each.stage is not Stage.DRAINING:
                self._coming.setdefault(key.model, {}).setdefault(key.location, []).append(each)

    def of_class(self, model: str, request_class: str) -> ByLocation:
        """Instances that serve a class, by location."""
        return self._classes.get((model, request_class), _NONE)

    def of_model(self, model: str) -> ByLocation:
        """Instances that serve any class of a model, by location."""
        return self._models.get(model, _NONE)

    def coming(self, model: str) -> ByLocation:
        """Instances of a model that load or wait for GPUs, by location."""
        return self._coming.get(model, _NONE)

    def all(self) -> Iterable[Member]:
        """Those that are there and those that are gone."""
        return (*self.members, *self.gone)


_NONE: ByLocation = {}
