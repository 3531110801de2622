"""Carbon intensity by the plan: that of the step and location, signed, or none."""

import pytest

from freesh_plugin.core.plan import CarbonStep, Footprint
from freesh_plugin.runtime.energy_account import Intensity
from freesh_plugin.runtime.energy_carbon import intensity_at
from tests.fakes.plans import sample_plan

PLAN = sample_plan(
    carbon={
        "loc1": (CarbonStep(0, 210.5, "marginal"), CarbonStep(1, -30.0, "marginal")),
        "loc2": (CarbonStep(0, 500.0, "average"),),
    }
)
START_S = PLAN.valid_from


@pytest.mark.parametrize(
    ("location", "after_s", "expected"),
    [
        ("loc1", 0.0, Intensity(210.5, "marginal")),
        ("loc1", 299.9, Intensity(210.5, "marginal")),
        ("loc1", 300.0, Intensity(-30.0, "marginal")),
        ("loc1", 600.0, None),
        ("loc1", -0.1, None),
        ("loc2", 0.0, Intensity(500.0, "average")),
        ("elsewhere", 0.0, None),
        (None, 0.0, None),
    ],
)
def test_the_step_that_holds_the_time(location: str | None, after_s: float, expected: Intensity | None) -> None:
    assert intensity_at(PLAN, location, START_S + after_s) == expected


def test_no_grams_without_a_plan_or_from_a_signal_in_another_unit() -> None:
    assert intensity_at(None, "loc1", START_S) is None
    assert intensity_at(sample_plan(predicted=Footprint(energy_j=1.0)), "loc1", START_S) is None
