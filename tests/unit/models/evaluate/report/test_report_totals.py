"""Sums over hours, means over seeds; what is not known once is not known at all."""

from dataclasses import replace

import pytest

from models.evaluate.report.totals import totals
from tests.fakes.made_up_results import made_up_results

RUN = made_up_results().runs[0]


def test_hours_are_summed_and_seeds_averaged() -> None:
    runs = [
        replace(RUN, hour=hour, seed=seed, energy_kwh=energy, carbon_kg=energy / 2, starts=2)
        for hour, seed, energy in (("a", 1, 10.0), ("a", 2, 14.0), ("b", 1, 20.0), ("b", 2, 20.0))
    ]
    of = totals("p", runs)
    assert (of.hours, of.energy_kwh, of.carbon_kg, of.starts) == (2, 32.0, 16.0, 4.0)


def test_attainment_counts_requests() -> None:
    runs = [
        replace(RUN, hour="a", offered=100, slo_attainment=1.0),
        replace(RUN, hour="b", offered=300, slo_attainment=0.8),
    ]
    assert totals("p", runs).slo_attainment == pytest.approx(0.85)


def test_lost_are_shed_and_refused() -> None:
    assert totals("p", [replace(RUN, offered=200, shed=3, refused=1)]).lost_share == 0.02


def test_one_hour_without_carbon_makes_the_sum_unknown() -> None:
    assert totals("p", [RUN, replace(RUN, hour="b", carbon_kg=None)]).carbon_kg is None
