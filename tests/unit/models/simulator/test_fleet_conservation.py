"""Whatever the targets, requests and faults: nothing is lost, nothing is done twice, all power is counted."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.simulator.fleet_fault import Fault
from models.simulator.fleet_target import FleetTarget
from models.simulator.simulation_error import SimulationError
from tests.fakes.plain_fleet import HERE, STARTUP_J, THERE, fleet, location, pool, request, run, scores, target
from tests.fakes.plain_instance import PlainInstance

KWH = 3.6e6
PLACES = (HERE, THERE)

PLACED = st.dictionaries(
    st.builds(pool, st.sampled_from(PLACES), st.sampled_from("SL"), st.sampled_from(("one", "two", "slow"))),
    st.integers(0, 3),
    max_size=5,
)
SHARES = st.dictionaries(st.sampled_from(PLACES), st.floats(0, 1))


@st.composite
def target_lists(draw: st.DrawFn) -> list[FleetTarget]:
    """Targets by time, the first at 0."""
    times_s = [0, *sorted(draw(st.lists(st.integers(1, 290), max_size=4)))]
    return [target(at_s, draw(PLACED), draw(SHARES)) for at_s in dict.fromkeys(times_s)]


REQUESTS = st.lists(
    st.builds(
        request,
        st.floats(0, 300),
        st.integers(1, 400),
        st.sampled_from((50.0, 150.0)),
        origin=st.sampled_from(("DE", "FR")),
        session=st.integers(0, 2),
        client=st.integers(0, 3),
    ),
    max_size=40,
)
FAULTS = st.lists(st.builds(Fault, st.floats(0, 300), st.sampled_from(PLACES)), max_size=2)


@settings(deadline=None)
@given(target_lists(), REQUESTS, FAULTS)
def test_requests_end_once_and_gpus_are_held_or_parked(
    targets: list[FleetTarget], requests: list[Any], faults: list[Fault]
) -> None:
    there = location(THERE, gpus=3, allowed_origins=("FR",), rtt_s={"FR": 0.1, "DE": 0.2}, pue=1.3)
    found = run(fleet(location(HERE), there), requests, *targets, duration_s=300.0, faults=faults)
    scored = scores(found)
    assert scored.offered == len(requests) == scored.finished + scored.refused + scored.shed
    assert scored.parked_kwh * KWH == pytest.approx(50 * (7 * 300 - found.gpu_s), abs=1e-3)
    assert scored.loading_kwh * KWH == pytest.approx(found.starts * STARTUP_J)
    assert scored.energy_gpu_kwh == pytest.approx(
        scored.busy_kwh + scored.idle_kwh + scored.loading_kwh + scored.parked_kwh
    )
    assert 0 <= scored.slo_attainment <= scored.finished / max(scored.offered, 1)
    assert found.stops <= found.starts


class Forgetful(PlainInstance):
    """Ends no request."""

    def _finish(self) -> None:
        self._running = []


class Twice(PlainInstance):
    """Ends a request twice."""

    def _finish(self) -> None:
        ended = [each for each in self._running if each[0] <= self.now_s]
        super()._finish()
        self._running += ended
        super()._finish()


class Leaky(PlainInstance):
    """Draws every second joule only."""

    def _go(self, to_s: float) -> None:
        middle_s = (self.now_s + to_s) / 2
        super()._go(middle_s)
        self.now_s = to_s


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (Forgetful, "has 2 requests that do not end"),
        (Twice, "ended request 1, which it does not have"),
        (Leaky, "booked is until"),
    ],
)
def test_an_instance_that_breaks_a_law_is_found_out(kind: type[PlainInstance], says: str) -> None:
    with pytest.raises(SimulationError, match=says):
        run(fleet(start=target(0, {pool(HERE, "S"): 1})), [request(10), request(20)], make_instance=kind)
