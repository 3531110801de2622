"""The synthetic fleets: equal for equal seeds, whole, and of the size that was asked for."""

import dataclasses
from pathlib import Path

import pytest

from bench.seeded_fleet import Size, seeded_fleet
from models.allocation import allocate
from models.domain.allocation import Outcome
from models.sources.scenario_folder import load_scenario, write_scenario

SMALL = Size(4, classes=4, modes=8, gpu_types=2, partitions=2, steps=2)


def test_equal_seeds_give_equal_fleets_and_others_others() -> None:
    assert seeded_fleet(7, SMALL) == seeded_fleet(7, SMALL)
    assert seeded_fleet(7, SMALL) != seeded_fleet(8, SMALL)


@pytest.mark.parametrize(
    "size",
    [
        SMALL,
        dataclasses.replace(SMALL, origins=5, models=3, running=True),
        dataclasses.replace(SMALL, machine_gpus=8, running=True, modes=16),
        dataclasses.replace(SMALL, classes=9, modes=24, gpu_types=6),
    ],
    ids=["plain", "origins, models, running", "machines", "classes, types"],
)
def test_the_loader_takes_what_is_generated(size: Size, tmp_path: Path) -> None:
    scenario = seeded_fleet(3, size)
    write_scenario(scenario, tmp_path)
    assert dataclasses.replace(load_scenario(tmp_path), folder=None) == scenario


def test_the_size_is_what_was_asked_for() -> None:
    scenario = seeded_fleet(1, dataclasses.replace(SMALL, origins=5, models=3))
    assert (len(scenario.locations), len(scenario.modes), len(scenario.models)) == (4, 8, 3)
    assert [len(each.classes) for each in scenario.partitions] == [4, 4]
    assert {gpu for each in scenario.modes for gpu in each.gpus} == {"A100", "H100"}
    assert len({each.origin for each in scenario.demand}) == 5
    assert len(scenario.demand) == 3 * 2 * 4 * 5 * 2
    assert scenario.carbon_signal.unit == "gco2e_per_kwh"


def test_partitions_share_one_demand() -> None:
    scenario = seeded_fleet(1, SMALL)
    totals = {
        each.name: sum(row.demand_rps for row in scenario.demand if row.partition == each.name)
        for each in scenario.partitions
    }
    assert totals["q0"] == pytest.approx(totals["q1"])
    assert scenario.partitions[0].prompt_tokens != scenario.partitions[1].prompt_tokens


def test_service_levels_exclude_some_modes() -> None:
    scenario = seeded_fleet(1, Size(2))
    levels = {(each.partition, each.request_class): each for each in scenario.slos}
    broken = [row for row in scenario.profiles if row.tbt_s > levels[row.partition, row.request_class].tbt_s]
    assert 0 < len(broken) < len(scenario.profiles) / 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_demand_asks_for_about_the_load(seed: int) -> None:
    scenario = seeded_fleet(seed, dataclasses.replace(SMALL, locations=6))
    result = allocate(scenario, formulation="paper")
    assert result.status is Outcome.OPTIMAL
    gpus = sum(sum(scenario.mode(each.mode).gpus.values()) * each.count for each in result.instances)
    stock = sum(count for each in scenario.locations for count in each.gpus.values())
    assert 0.3 < gpus / stock < 0.65
