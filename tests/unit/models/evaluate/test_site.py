"""The fleet of the evaluation: what it has, what its instances serve, and what a governed one draws."""

import pytest

from models.domain.scenario import Profile
from models.evaluate.site import GPUS, MACHINE_GPUS, PARTITIONS, Site
from models.evaluate.site_levels import SCORED, TTFT_LONG_S, TTFT_SHORT_S
from models.evaluate.site_modes import all_modes, least_energy_mhz, tables
from tests.fakes.evaluated_cell import demo_cell


@pytest.fixture(scope="module")
def site() -> Site:
    return demo_cell().site


def by_key(profiles: tuple[Profile, ...]) -> dict[tuple[str, str, str], Profile]:
    return {(each.partition, each.request_class, each.mode): each for each in profiles}


def test_the_gpus_are_those_of_the_paper(site: Site) -> None:
    held: dict[tuple[str, str], int] = {}
    for machine in site.scenario.machines:
        key = (machine.location, machine.gpu_type)
        held[key] = held.get(key, 0) + machine.gpus
        assert machine.gpus <= MACHINE_GPUS
    assert held == {(name, kind): count for name, gpus in GPUS.items() for kind, count in gpus.items()}
    assert [sum(count for (_, kind), count in held.items() if kind == of) for of in ("A100", "H100")] == [24, 6]


def test_service_is_scored_alike_whatever_is_planned(site: Site) -> None:
    levels = {each.request_class: each for each in site.fleet.scored_by.levels}
    assert site.fleet.scored_by.partition == SCORED
    assert [levels[name].ttft_s for name in ("SS", "SL", "LS", "LL")] == [
        TTFT_SHORT_S, TTFT_SHORT_S, TTFT_LONG_S, TTFT_LONG_S
    ]  # fmt: skip
    assert levels["SS"].latency_s < levels["SL"].latency_s
    assert {each.tbt_s for each in site.scenario.slos} == {0.2}


def test_clocks_of_least_energy_are_the_published_ones() -> None:
    """A100 810 to 1,005 MHz, H100 840 to 1,110 MHz."""
    assert 810 <= (least_energy_mhz(tables()["A100", 4]) or 0) <= 1005
    assert 840 <= (least_energy_mhz(tables()["H100", 4]) or 0) <= 1110


def test_a_lower_clock_serves_less_and_draws_less(site: Site) -> None:
    low = by_key(site.at_clocks({"A100": 900, "H100": 990}, "one"))
    high = by_key(site.scenario.profiles)
    assert set(low) == {key for key in high if key[0] == "one"}
    for key, profile in low.items():
        assert profile.capacity_rps < high[key].capacity_rps
        assert profile.full_power_w < high[key].full_power_w


def test_a_governed_instance_serves_as_much_as_at_its_highest_clock_and_draws_no_more(site: Site) -> None:
    highest, governed = by_key(site.scenario.profiles), by_key(site.governed)
    assert set(governed) == set(highest)
    for key, profile in governed.items():
        assert profile.capacity_rps == highest[key].capacity_rps
        assert profile.full_power_w == highest[key].full_power_w
        loads = [load for load, _ in profile.power_levels]
        assert loads == sorted(set(loads))
        assert not loads or loads[-1] == 1.0
        assert all(profile.idle_power_w <= watts <= profile.full_power_w for _, watts in profile.power_levels)


def test_every_partition_is_offered_with_all_its_classes(site: Site) -> None:
    served = {(each.partition, each.request_class) for each in site.scenario.profiles}
    assert served == {(each.name, name) for each in PARTITIONS for name in each.classes}


def test_another_power_model_changes_watts_and_neither_plans_nor_times(site: Site) -> None:
    other = site.drawing("low")
    assert other.scenario == site.scenario
    for mode in all_modes():
        assert other.fleet.engines[mode.name].step == site.fleet.engines[mode.name].step
        assert other.fleet.engines[mode.name].power != site.fleet.engines[mode.name].power
