"""Whole latencies that are promised, on a simulated instance: the clock goes up for answers that would be late."""

from freesh_plugin.core.plan import Slo
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.settings import SchedulerSettings
from models.simulator.instance_types import InstanceSettings
from tests.fakes.instance_runs import Run, engine, request, serve


def served(latency_s: float, mode: GovernorMode = GovernorMode.MIAD) -> Run:
    """64 answers of 440 tokens, which may come as slowly as they like as long as they are whole in time."""
    settings = InstanceSettings(SchedulerSettings(), GovernorSettings(mode=mode))
    slo = Slo(latency_s=latency_s, ttft_s=4.0, tbt_s=0.2)
    return serve([request(0.05 * each, 400, 440) for each in range(64)], settings, engine(), slo)


def slowest_s(run: Run) -> float:
    return max((each.finished_s or 0.0) - each.arrival.at_s for each in run.sink.outcomes.values())


def test_answers_that_would_be_late_by_a_little_are_brought_home_in_time() -> None:
    assert slowest_s(served(latency_s=60.0)) > 10.2  # what the other bounds alone make of it
    assert slowest_s(served(latency_s=10.0)) <= 10.0


def test_it_costs_less_than_the_highest_clock() -> None:
    highest = served(latency_s=10.0, mode=GovernorMode.STATIC)
    assert served(latency_s=60.0).sink.energy_j < served(latency_s=10.0).sink.energy_j < highest.sink.energy_j
