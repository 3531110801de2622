"""What came true over an epoch, as steps of any length, and how totals split into streams."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from freesh_plugin.core.errors import ConfigError, ForecastError, ScenarioError
from freesh_plugin.core.request import Partition
from models.domain.scenario import Demand
from models.evaluate.epoch import epochs_between
from models.evaluate.truth import over, over_without_holes, truth_of
from tests.fakes.evaluated import START, epoch, fleet, series, truth


def test_rows_make_steps_and_steps_repeat_rows() -> None:
    rows = series("d", [1.0, 2.0, 6.0], 600)

    assert over(rows, epoch(), 300).tolist() == [1, 1, 2, 2, 6, 6]
    assert over(rows, epoch(), 1_800).tolist() == [3]


def test_rows_outside_the_series_are_not_known() -> None:
    assert np.isnan(over(series("d", [1.0], 600), epoch(), 600)).tolist() == [False, True, True]


def test_a_hole_is_bridged_for_the_plan_only() -> None:
    rows = series("d", [1.0, np.nan, 5.0], 600)

    # Steps of 300 s: 1 1 . . 5 5, and a straight line between.
    assert over_without_holes(rows, epoch()) == pytest.approx([1, 1, 7 / 3, 11 / 3, 5, 5])
    assert over_without_holes(rows, epoch(steps=1, step_s=1_800)) == pytest.approx([1, 3, 5])
    assert truth(fleet(), {"H": [1.0], "T": [1.0]}, [1.0, np.nan, 5.0]).known(epoch()).tolist() == [
        True, True, False, False, True, True,
    ]  # fmt: skip


def test_steps_that_do_not_divide_rows_are_refused() -> None:
    with pytest.raises(ForecastError, match="rows of 600 s and steps of 900 s do not divide"):
        over(series("d", [1.0, 2.0, 3.0], 600), epoch(), 900)


def test_totals_split_by_the_scenarios_mix_in_each_partition() -> None:
    scenario = fleet(
        partitions=(Partition("q", ("R",), (), ()), Partition("p", ("A", "B"), (), ())),
        demand=(
            *(Demand("q", "R", step, 8.0, 4.0) for step in range(6)),
            *(Demand("p", "A", step, 3.0) for step in range(6)),
            *(Demand("p", "B", step, 1.0) for step in range(6)),
        ),
    )

    came = truth(scenario, {"H": [1.0], "T": [1.0]}, [1.0, 1.0, 1.0])

    shares = {(part.partition, part.request_class): part.share for part in came.parts["total"]}
    assert shares == pytest.approx({("q", "R"): 1.0, ("p", "A"): 0.75, ("p", "B"): 0.25})
    assert came.mix_assumed


def test_totals_split_over_models_as_the_scenario_does() -> None:
    rows = [("q", "R", "small", 1.0), ("p", "R", "large", 3.0)]
    scenario = fleet(
        models=("small", "large"),
        partitions=(Partition("q", ("R",), (), ()), Partition("p", ("R",), (), ())),
        demand=tuple(Demand(q, r, step, rate, model=a) for q, r, a, rate in rows for step in range(6)),
    )

    came = truth(scenario, {"H": [1.0], "T": [1.0]}, [1.0, 1.0, 1.0])

    shares = {part.model: part.share for part in came.parts["total"]}
    assert shares == pytest.approx({"small": 0.25, "large": 0.75})


def test_a_series_for_each_class_is_taken_as_it_is() -> None:
    scenario = fleet(
        partitions=(Partition("q", ("A", "B"), (), ()),),
        demand=tuple(Demand("q", r, step, 1.0, origin=o) for r in "AB" for o in ("eu", "us") for step in range(6)),
    )
    carbon = [series(zone, [1.0], 3_600) for zone in "HT"]
    demand = [series(f"q/{r}", [1.0, 1.0, 1.0], 600) for r in "AB"]

    came = truth_of(scenario, carbon, demand)

    assert not came.mix_assumed
    assert [(part.origin, part.share) for part in came.parts["q/A"]] == [("eu", 0.5), ("us", 0.5)]
    with pytest.raises(ForecastError, match=r"one for each of q/A, q/B; they are q/A, x/y"):
        truth_of(scenario, carbon, [demand[0], series("x/y", [1.0], 600)])


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ForecastError, match="zone 'T' of location 'there' is not among the carbon series: H"):
        truth(fleet(), {"H": [1.0]}, [1.0])
    with pytest.raises(ScenarioError, match="location 'here' has no grid_zone"):
        truth(fleet(here={"grid_zone": None}), {"H": [1.0], "T": [1.0]}, [1.0])
    with pytest.raises(ScenarioError, match=r"demand\.csv holds no demand"):
        truth(fleet(demand=()), {"H": [1.0], "T": [1.0]}, [1.0])


def test_epochs_follow_one_another_and_are_whole() -> None:
    found = epochs_between(START, START + timedelta(hours=1, minutes=40), steps=6, step_s=300, lead_s=600)

    assert [each.starts_at - START for each in found] == [timedelta(0), timedelta(minutes=30), timedelta(hours=1)]
    assert all(each.starts_at - each.issued_at == timedelta(minutes=10) for each in found)


@pytest.mark.parametrize(
    ("start", "end", "steps", "step_s", "why"),
    [
        (START, START + timedelta(minutes=20), 6, 300, "no whole epoch of 1800 s"),
        (START, START + timedelta(hours=2), 5, 300, "1500 s is not"),
        (START + timedelta(minutes=5), START + timedelta(hours=2), 6, 300, "starts on a slot of 1800 s"),
        (START.replace(tzinfo=None), START, 6, 300, "must both have a time zone"),
    ],
)
def test_epochs_that_cannot_be_are_refused(start: datetime, end: datetime, steps: int, step_s: int, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        epochs_between(start, end, steps=steps, step_s=step_s, lead_s=600)
