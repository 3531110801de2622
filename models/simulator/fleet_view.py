"""What a controller is shown of the fleet: the past alone."""

from array import array
from collections.abc import Iterator, Sequence
from typing import overload

from models.domain.workload import WorkloadRequest
from models.simulator.fleet_member import Member, Stage
from models.simulator.fleet_roster import Roster
from models.simulator.fleet_stock import FleetStock
from models.simulator.fleet_target import FleetTarget, FleetView, PoolKey, PoolView

Seen = tuple[str, int, float, str]
"""Model, prompt tokens, predicted answer tokens and origin of a request."""


class ArrivalLog(Sequence[Seen]):
    """Requests since the controller was last asked, in columns: half an hour of a busy fleet has half a million."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str], int] = {}
        self._stream, self._prompt, self._predicted = array("H"), array("l"), array("d")

    def add(self, request: WorkloadRequest) -> None:
        """A request came."""
        stream = self._streams.setdefault((request.model, request.origin), len(self._streams))
        self._stream.append(stream)
        self._prompt.append(request.prompt_tokens)
        self._predicted.append(request.estimate.q50)

    def __len__(self) -> int:
        return len(self._prompt)

    @overload
    def __getitem__(self, place: int) -> Seen: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Seen]: ...
    def __getitem__(self, place: int | slice) -> Seen | Sequence[Seen]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        model, origin = list(self._streams)[self._stream[place]]
        return model, self._prompt[place], self._predicted[place], origin

    def __iter__(self) -> Iterator[Seen]:
        streams = list(self._streams)
        for stream, prompt, predicted in zip(self._stream, self._prompt, self._predicted, strict=True):
            model, origin = streams[stream]
            yield model, prompt, predicted, origin


def view_at(now_s: float, roster: Roster, stock: FleetStock, target: FleetTarget | None, log: ArrivalLog) -> FleetView:
    """What is seen now; every instance is served up to now, and its counts begin anew."""
    pools: dict[PoolKey, list[Member]] = {key: [] for key in (target.pools if target else ())}
    for each in roster.members:
        if each.instance is not None:
            each.advance(now_s)
        pools.setdefault(each.key, []).append(each)
    seen = {key: _pool_view(members, now_s) for key, members in pools.items()}
    return FleetView(now_s, seen, stock.free(), log)


def _pool_view(members: Sequence[Member], now_s: float) -> PoolView:
    ready = [each for each in members if each.stage is Stage.READY]
    draining = sum(each.stage is Stage.DRAINING for each in members)
    busy_s = sum(each.serving.busy_s - each.busy_seen_s for each in ready)
    there_s = sum(now_s - each.seen_s for each in ready)
    view = PoolView(
        ready=len(ready),
        starting=len(members) - len(ready) - draining,
        draining=draining,
        outstanding=sum(each.outstanding for each in members),
        # A pass that is under way may end a little later than now.
        busy_share=min(busy_s / there_s, 1.0) if there_s > 0 else 0.0,
        arrivals=sum(each.arrivals for each in members),
    )
    for each in members:
        each.arrivals = 0
        if each.instance is not None:
            each.busy_seen_s, each.seen_s = each.instance.busy_s, now_s
    return view
