"""The clairvoyant bound: by hand, below every run of a simulated fleet, and in the grids that may serve an origin."""

from dataclasses import replace

import pytest

from freesh_plugin.core.errors import AllocationError
from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.core.power_model import PowerModel, ShareModel
from freesh_plugin.core.step_model import StepModel
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from models.domain.engine import EngineModel
from models.domain.workload import WorkloadRequest
from models.evaluate.bound import least, work_of
from models.simulator.fleet_model import FleetModel
from models.simulator.fleet_run import FleetRun
from models.simulator.instance import SimulatedInstance
from models.simulator.instance_types import InstanceSettings, InstanceSink
from tests.fakes.plain_fleet import ENGINES, HERE, THERE, WHOLE, fleet, location, pool, request, run, scores, target

KWH = 3.6e6
ONE_CLOCK = replace(
    ENGINES["one"],
    # A pass: 10 ms and 1 ms a request; a prompt token: .1 ms; reading 1,000 tokens of memory: 1 ms.
    step=StepModel(10.0, 1.0, 1_000.0, 0.0, 1.0, 10.0, 1_000.0),
    # Decoding draws 50 + 100 W whatever the batch; a prompt 50 + 200 W.
    power=PowerModel(50.0, 0.0, 0.0, 200.0, 500.0, 1.0, 1_000.0, 1_000.0),
    shares=ShareModel(0.5, 0.0, 0.0, 0.0),
    max_batch=4,
    kv_tokens=100_000,
    clocks_mhz=(1_000,),
)


def asked(
    prompt: int, answer: int, *, at_s: float = 0.0, origin: str = "any", prefix: tuple[int, ...] = ()
) -> WorkloadRequest:
    return WorkloadRequest(at_s, prompt, answer, 1_000, AnswerLength(answer, answer), origin, prefix=prefix)


def one_mode(*places: str) -> FleetModel:
    return replace(fleet(*(location(each) for each in places or (HERE,))), engines={"one": ONE_CLOCK})


def test_a_request_by_hand() -> None:
    """100 prompt tokens: 10 ms at 200 W above parked. 10 decode tokens: (10 + 4)/4 = 3.5 ms each in a batch of four, at
    100 W. Memory: ten steps of 100 + 11/2 tokens, 1 µs each, at 100 W.
    """  # noqa: D205
    bound = least(one_mode(), work_of([asked(100, 11)], 2), {HERE: [1.0, 1.0]}, 2)
    by_hand_j = 0.010 * 200 + 10 * 0.0035 * 100 + 10 * 105.5e-6 * 100 + 4 * 50 * 600
    assert bound.energy_kwh * KWH == pytest.approx(by_hand_j)
    assert bound.objective == pytest.approx(bound.energy_kwh)


def test_parked_gpus_draw_no_longer_than_the_last_slot_is() -> None:
    whole, part = (least(one_mode(), {}, {HERE: [1.0, 1.0]}, 2, last_s=last_s) for last_s in (300.0, 72.0))
    assert whole.energy_kwh * KWH == pytest.approx(4 * 50 * 600)
    assert part.energy_kwh * KWH == pytest.approx(4 * 50 * 372)
    assert part.objective == pytest.approx(part.energy_kwh)


def test_what_came_before_need_not_be_computed_again() -> None:
    fresh = least(
        one_mode(), work_of([asked(1025, 1, prefix=(1, 2)), asked(1025, 1, prefix=(3, 4))], 1), {HERE: [1.0]}, 1
    )
    cached = least(
        one_mode(), work_of([asked(1025, 1, prefix=(1, 2)), asked(1025, 1, prefix=(1, 2))], 1), {HERE: [1.0]}, 1
    )
    assert (fresh.energy_kwh - cached.energy_kwh) * KWH == pytest.approx(1024 * 1e-4 * 200)


def test_work_waits_for_a_cleaner_slot_and_goes_to_a_cleaner_place() -> None:
    """600 g/kWh here, then 200; always 100 there: one prompt token is .02 J above what parked GPUs draw."""
    work = work_of([asked(101, 1)], 2)
    here = least(one_mode(), work, {HERE: [600.0, 200.0]}, 2)
    assert here.objective * KWH == pytest.approx(4 * 50 * 300 * 800 + 101 * 0.02 * 200)
    both = least(one_mode(HERE, THERE), work, {HERE: [600.0, 200.0], THERE: [100.0, 100.0]}, 2)
    assert both.objective * KWH == pytest.approx(4 * 50 * 300 * (800 + 200) + 101 * 0.02 * 100)


def test_residency_is_kept() -> None:
    locked = replace(fleet(location(HERE, allowed_origins=("a",)), location(THERE)), engines={"one": ONE_CLOCK})
    weights = {HERE: [1.0], THERE: [900.0]}
    free, bound = (least(locked, work_of([asked(101, 1, origin=each)], 1), weights, 1) for each in "ab")
    assert (bound.objective - free.objective) * KWH == pytest.approx(101 * 0.02 * 899)
    nowhere = replace(fleet(location(HERE, allowed_origins=("a",))), engines={"one": ONE_CLOCK})
    with pytest.raises(AllocationError, match="bound"):
        least(nowhere, work_of([asked(101, 1, origin="b")], 1), {HERE: [1.0]}, 1)


def test_whole_instances_draw_what_idle_ones_do() -> None:
    """One instance is held for the only slot at 60 W, 10 W above parked; its work is 200 and 100 W above that."""
    idle_60_w = replace(ONE_CLOCK, power=replace(ONE_CLOCK.power, idle_w=60.0))
    held = replace(fleet(location(HERE)), engines={"one": idle_60_w})
    work = work_of([asked(100, 11)], 1)
    bound = least(held, work, {HERE: [1.0]}, 1, whole=True)
    by_hand_j = 0.010 * 200 + 10 * 0.0035 * 100 + 10 * 105.5e-6 * 100 + (4 * 50 + 10) * 300
    assert bound.energy_kwh * KWH == pytest.approx(by_hand_j)
    assert bound.objective == pytest.approx(bound.energy_kwh)
    assert least(held, work, {HERE: [1.0]}, 1).energy_kwh < bound.energy_kwh


def test_whole_instances_are_as_many_as_the_work_asks_for() -> None:
    """Five million prompt tokens of .1 ms take 500 s: two instances in the only slot of 300 s."""
    idle_60_w = replace(ONE_CLOCK, power=replace(ONE_CLOCK.power, idle_w=60.0))
    held = replace(fleet(location(HERE)), engines={"one": idle_60_w})
    bound = least(held, work_of([asked(5_000_000, 1)], 1), {HERE: [1.0]}, 1, whole=True)
    assert bound.energy_kwh * KWH == pytest.approx(5e6 * 0.02 + (4 * 50 + 2 * 10) * 300)
    with pytest.raises(AllocationError, match="bound"):
        least(held, work_of([asked(13_000_000, 1)], 1), {HERE: [1.0]}, 1, whole=True)


CLOCKS_MHZ = tuple(range(840, 1981, 60))


def served(mode: str, clock: GovernorSettings, seed: int) -> tuple[FleetRun, FleetModel, list[WorkloadRequest]]:
    engines: dict[str, EngineModel] = {
        name: replace(each, kv_tokens=20_000, max_batch=16, clocks_mhz=CLOCKS_MHZ) for name, each in ENGINES.items()
    }
    held = fleet(engines=engines, start=target(0, {pool(HERE, "A", mode): 2}, partition=WHOLE))
    requests = [request(0.4 * each, 5 + (37 * each * (seed + 1)) % 90) for each in range(150)]

    def make(engine: EngineModel, _: InstanceSettings, sink: InstanceSink, start_s: float) -> SimulatedInstance:
        return SimulatedInstance(engine, InstanceSettings(governor=clock), sink, start_s)

    return run(held, requests, duration_s=300.0, make_instance=make), held, requests


@pytest.mark.parametrize("mode", ["one", "two"])
@pytest.mark.parametrize("clock_mhz", [840, 1200, 1980, None])
def test_no_run_is_below_it(mode: str, clock_mhz: int | None) -> None:
    """At any static clock, and with the governor (None)."""
    static = GovernorSettings(mode=GovernorMode.STATIC, static_mhz=clock_mhz)
    found, held, requests = served(mode, static if clock_mhz else GovernorSettings(), seed=clock_mhz or 0)
    bound = least(held, work_of(requests, 1), {HERE: [1.0]}, 1)
    assert 0.3 < bound.energy_kwh / scores(found).energy_kwh <= 1.0
