"""First tokens that are promised, on a simulated instance: least laxity first against first come first served."""

import pytest

from freesh_plugin.core.plan import Slo
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings
from models.simulator.instance_types import InstanceSettings
from tests.fakes.instance_runs import drawn, engine, serve

SLO = Slo(latency_s=60.0, ttft_s=2.0, tbt_s=0.5)
LONG_PROMPTS = 1500.0


def kept(policy: Policy, rate_rps: float, seed: int) -> float:
    """Share of the first tokens that came in time; 300 requests of long prompts."""
    settings = InstanceSettings(SchedulerSettings(policy=policy), GovernorSettings(mode=GovernorMode.STATIC))
    requests = drawn(300, rate_rps, seed, prompt=LONG_PROMPTS, answer=40.0)
    outcomes = serve(requests, settings, engine(chunk_tokens=2048), SLO).sink.outcomes.values()
    in_time = [
        each.first_token_s is not None and each.first_token_s - each.arrival.at_s <= SLO.ttft_s for each in outcomes
    ]
    return sum(in_time) / len(in_time)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_under_a_load_that_can_be_served_hardly_any_is_late(seed: int) -> None:
    assert kept(Policy.LLF, 3.0, seed) > 0.99


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_under_too_much_load_more_are_in_time(seed: int) -> None:
    assert kept(Policy.LLF, 9.0, seed) > kept(Policy.FCFS, 9.0, seed) + 0.5
