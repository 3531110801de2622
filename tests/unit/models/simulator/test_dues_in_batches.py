"""Latencies and first tokens that are promised, on a simulated instance: the clock goes up for what would be late."""

from math import inf

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


def long_prompts(count: int, ttft_s: float, rate_rps: int, mode: GovernorMode, static_mhz: int | None = None) -> Run:
    """Short requests at a steady rate, among which so many prompts of 10,000 tokens come together."""
    settings = InstanceSettings(SchedulerSettings(), GovernorSettings(mode=mode, static_mhz=static_mhz))
    short = [request(each / rate_rps, 100, 20) for each in range(40 * rate_rps)]
    coming = sorted([*short, *(request(20.0, LONG, 5) for _ in range(count))], key=lambda each: each.arrival_s)
    return serve(coming, settings, engine(), Slo(latency_s=100.0, ttft_s=ttft_s, tbt_s=0.5))


def slowest_first_s(run: Run) -> float:
    long = [each for each in run.sink.outcomes.values() if each.arrival.request.prompt_tokens == LONG]
    return max((each.first_token_s or inf) - each.arrival.at_s for each in long)


def test_a_few_long_prompts_that_no_queue_tells_of_get_their_first_tokens_in_time() -> None:
    governed, highest = (long_prompts(3, 4.0, 2, mode) for mode in (GovernorMode.MIAD, GovernorMode.STATIC))
    assert slowest_first_s(highest) <= slowest_first_s(governed) < 3.6  # by r alone 4.56 s
    assert governed.sink.energy_j < 0.9 * highest.sink.energy_j


def test_what_the_lowest_clock_does_in_time_takes_no_more() -> None:
    governed = long_prompts(4, 7.5, 2, GovernorMode.MIAD)
    lowest = long_prompts(4, 7.5, 2, GovernorMode.STATIC, static_mhz=1200)
    assert slowest_first_s(governed) == slowest_first_s(lowest) < 7.5


def test_who_can_only_just_be_saved_is_not_given_up() -> None:
    highest, governed = (long_prompts(4, 4.85, 8, mode) for mode in (GovernorMode.STATIC, GovernorMode.MIAD))
    assert 4.3 < slowest_first_s(highest) < slowest_first_s(governed) <= 4.85  # by r alone 5.97 s


LONG = 10_000
