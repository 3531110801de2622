"""The ablation's rows: what a layer changes over the hours that both policies ran in, seeds averaged."""

from dataclasses import replace

import pytest

from models.evaluate.layers import LAYERS, layer_rows
from models.simulator.run_scores import RunScores
from tests.fakes.made_up_results import made_up_results

RUN = made_up_results().runs[0]
BEFORE, AFTER = LAYERS[0].before, LAYERS[0].after


def runs(policy: str, energies: list[float], seed: int = 1) -> list[RunScores]:
    """A run an hour."""
    return [
        replace(RUN, policy=policy, hour=f"h{k}", energy_kwh=e, carbon_kg=e / 4, carbon_marginal_kg=None, seed=seed)
        for k, e in enumerate(energies)
    ]


def test_a_layer_is_what_it_changes_over_the_hours_that_both_ran_in() -> None:
    (row,) = layer_rows({"mid": [*runs(BEFORE, [10, 12, 50]), *runs(AFTER, [7, 8])]})
    assert (row.layer, row.from_policy, row.to_policy, row.power_model) == (LAYERS[0].name, BEFORE, AFTER, "mid")
    assert row.hours == 2
    assert [row.energy_kwh, row.from_energy_kwh] == pytest.approx([-7, 22])
    assert [row.carbon_kg, row.from_carbon_kg] == pytest.approx([-1.75, 5.5])
    assert row.carbon_marginal_kg is None


def test_the_same_seed_twice_is_no_larger_change() -> None:
    twice = [each for seed in (1, 2) for each in (*runs(BEFORE, [10, 12], seed), *runs(AFTER, [7, 8], seed))]
    (row,) = layer_rows({"mid": twice})
    assert row.hours == 2
    assert [row.energy_kwh, row.from_energy_kwh] == pytest.approx([-7, 22])


def test_the_clock_alone_is_scored_under_other_power_models() -> None:
    clock = LAYERS[-1]
    made = [*runs(clock.before, [10]), *runs(clock.after, [6])]
    rows = layer_rows(dict.fromkeys(("low", "mid", "high"), made))
    assert [(each.layer, each.power_model) for each in rows] == [("clock", each) for each in ("low", "mid", "high")]
    assert layer_rows({"low": [*runs(BEFORE, [10]), *runs(AFTER, [7])]}) == ()
