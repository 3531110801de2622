"""Capacities of an engine that computes prompts within passes that decode, against simulated instances."""

from functools import cache

import numpy as np
import pytest

from freesh_plugin.core.plan import Slo
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings
from models.capacity import Bind, Bounds, ClassWork, Served, serve
from models.capacity.engine_fit import engine_of
from models.domain.lengths import RequestLength
from models.simulator.class_load import ClassLoad, kept, saturated_rps
from models.simulator.instance_types import InstanceSettings
from models.simulator.pool_run import Pool, serve_pool
from models.sources.profile_document import shipped_profiles

SHORT = tuple(RequestLength(prompt, answer) for prompt in (150, 300, 450) for answer in (40, 80, 160))
LONG = tuple(RequestLength(prompt, answer) for prompt in (800, 1500, 3000) for answer in (60, 120, 180))
A100 = next(each for each in shipped_profiles() if each.mode == "TP4xA100")
TBT = Bounds(latency_s=60, ttft_s=3, tbt_s=0.1)
REQUESTS = 2500


@cache
def derived(lengths: tuple[RequestLength, ...], bounds: Bounds) -> Served:
    return serve(ClassWork.of(A100.table, lengths, 0.95), bounds)


@cache
def pool() -> Pool:
    engine = engine_of(A100.table, mode=A100.mode, model="m", gpu_type="A100", gpus=4)
    return Pool(engine, settings=InstanceSettings(scheduler=SchedulerSettings(policy=Policy.FCFS)))


@pytest.mark.parametrize("lengths", [SHORT, LONG], ids=["short", "long"])
def test_saturation_is_what_a_simulated_instance_finishes_that_is_never_empty(
    lengths: tuple[RequestLength, ...],
) -> None:
    simulated_rps = saturated_rps(pool(), ClassLoad(lengths, REQUESTS, 3))
    assert derived(lengths, TBT).work.saturation_rps == pytest.approx(simulated_rps, rel=0.04)


def test_one_request_in_twenty_is_late_at_capacity() -> None:
    result = derived(LONG, TBT)
    assert result.bind is Bind.TBT
    slo = Slo(latency_s=TBT.latency_s, ttft_s=TBT.ttft_s, tbt_s=TBT.tbt_s)
    load = ClassLoad(LONG, REQUESTS, 3)
    low, high = (
        kept(serve_pool(pool(), load.requests(share * result.capacity_rps)).outcomes, slo, load.warm_up).least
        for share in (0.9, 1.15)
    )
    assert high < 0.95 < low


def test_power_and_latency_at_capacity() -> None:
    """Latency within 10 %, as for prompts alone; power within 5 %: the fitted watts have errors of their own."""
    result = derived(SHORT, TBT)
    run = serve_pool(pool(), ClassLoad(SHORT, REQUESTS, 3).requests(result.capacity_rps))
    latencies = sorted((each.finished_s or 0.0) - each.arrival.at_s for each in run.outcomes)
    assert result.latency_s == pytest.approx(latencies[int(0.95 * REQUESTS)], rel=0.1)
    assert result.full_power_w == pytest.approx(sum(run.energy_j.values()) / run.end_s, rel=0.05)


def test_prompts_within_other_passes_cost_less_than_prompts_alone() -> None:
    """A prompt alone reads all weights for itself."""
    own = ClassWork.of(A100.table, SHORT, 0.95)
    alone_s = [A100.table.prefill_s(each.prompt_tokens) for each in SHORT]
    assert (own.prefill_s < 0.7 * np.array(alone_s)).all()
    assert (own.turns == own.gaps + 1).all()
