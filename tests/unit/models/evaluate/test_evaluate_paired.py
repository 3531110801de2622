"""Policies paired over hours: shares, intervals, equal service, ledgers that disagree, the gap closed."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from models.evaluate.outcome_rows import BoundRow, Comparison, Estimate, GapClosed
from models.evaluate.paired import ALL, compare, gap_closed
from models.simulator.run_scores import RunScores
from tests.fakes.made_up_results import made_up_results

RUN = replace(made_up_results().runs[0], offered=1000, slo_attainment=0.99, shed=0, refused=0)


def runs(policy: str, energies: list[float], **more: object) -> list[RunScores]:
    """A run an hour."""
    return [
        replace(RUN, policy=policy, hour=f"h{k}", energy_kwh=e, energy_gpu_kwh=e / 2, carbon_kg=e, **more)  # type: ignore[arg-type]
        for k, e in enumerate(energies)
    ]


def compared(found: Sequence[RunScores], policy: str = "p", scenario: str = ALL) -> Comparison:
    comparison = compare(found, policy, "reference", scenario)
    assert comparison is not None
    return comparison


def ends(of: Estimate | None) -> tuple[float, ...]:
    """Mean and ends of the interval, as far as there are any."""
    assert of is not None
    return tuple(each for each in (of.mean, of.low, of.high) if each is not None)


def test_a_change_is_of_the_sums_and_an_even_one_has_no_width() -> None:
    of = compared(runs("reference", [10, 30, 20, 20, 20]) + runs("p", [8, 24, 16, 16, 16]))
    assert of.hours == 5
    assert ends(of.energy) == pytest.approx((-0.2, -0.2, -0.2))


def test_the_interval_spans_the_hours() -> None:
    """Five hours, one of which saves half, the others nothing: it is drawn none to three times in 95 % of draws.

    Binomial(5, 1/5): P(0) = .33, P(at most 3) = .993, P(at most 2) = .942.
    """
    of = compared(runs("reference", [10] * 5) + runs("p", [5, 10, 10, 10, 10]))
    assert ends(of.energy) == pytest.approx((-0.1, -0.3, 0.0))


def test_few_hours_have_no_interval() -> None:
    assert ends(compared(runs("reference", [10] * 4) + runs("p", [7] * 4)).energy) == pytest.approx((-0.3,))
    assert ends(compared(runs("reference", [10]) + runs("p", [7])).energy) == pytest.approx((-0.3,))


def test_seeds_of_an_hour_stay_together() -> None:
    twice = [replace(each, seed=seed) for seed in (1, 2) for each in runs("reference", [10]) + runs("p", [7])]
    assert compared(twice).energy.low is None


def test_hours_that_only_one_of_them_has_are_left_out() -> None:
    of = compared(runs("reference", [10, 10, 10]) + runs("p", [5, 5]))
    assert of.hours == 2
    assert of.energy.mean == pytest.approx(-0.5)
    assert compare(runs("reference", [10]), "p", "reference") is None


@pytest.mark.parametrize(
    ("attainment", "shed", "equal"),
    [(0.99, 0, True), (0.9885, 0, True), (0.987, 0, False), (1.0, 0, True), (1.0, 1, False)],
)
def test_equal_service_is_within_a_fifth_of_a_point_and_sheds_no_more(
    attainment: float, shed: int, equal: bool
) -> None:
    of = compared(runs("reference", [10, 10]) + runs("p", [9, 9], slo_attainment=attainment, shed=shed))
    assert of.equal_slo is equal


def test_ledgers_that_disagree_are_ambiguous_and_one_alone_is_not() -> None:
    reference = runs("reference", [10, 10], carbon_marginal_kg=5.0)
    assert compared(reference + runs("p", [9, 9], carbon_marginal_kg=6.0)).ambiguous
    assert not compared(reference + runs("p", [9, 9], carbon_marginal_kg=4.0)).ambiguous
    assert not compared(reference + runs("p", [9, 9], carbon_marginal_kg=None)).ambiguous


def test_a_ledger_that_some_hours_lack_is_told_over_the_others() -> None:
    reference = runs("reference", [10, 10, 10], carbon_marginal_kg=5.0)
    known, *others = runs("p", [9, 9, 9], carbon_marginal_kg=None)
    of = compared([*reference, replace(known, carbon_marginal_kg=4.0), *others])
    assert of.carbon_marginal is not None
    assert of.carbon_marginal.mean == pytest.approx(-0.2)
    assert (of.hours, of.carbon_marginal_hours) == (3, 1)


def test_a_kind_of_grids_is_compared_by_itself() -> None:
    low = [replace(each, scenario="low") for each in runs("reference", [10]) + runs("p", [9])]
    high = [replace(each, scenario="high") for each in runs("reference", [10]) + runs("p", [5])]
    assert compared(low + high, scenario="low").energy.mean == pytest.approx(-0.1)
    assert compared(low + high).energy.mean == pytest.approx(-0.3)


def bounds(energies: list[float], carbon: float | None = 60.0) -> list[BoundRow]:
    return [BoundRow(f"h{k}", RUN.scenario, energy, carbon, None) for k, energy in enumerate(energies)]


def gap_of(
    ledger: str, found: Sequence[RunScores], policies: Sequence[str], baselines: Sequence[str], known: list[BoundRow]
) -> GapClosed | None:
    return gap_closed(ledger, found, [compared(found, each) for each in policies], baselines, "freesh", known)


def test_the_gap_is_from_the_strongest_at_equal_service() -> None:
    found = [
        *runs("reference", [100] * 5),
        *runs("simple", [80] * 5),
        *runs("worse service", [50] * 5, slo_attainment=0.9),
        *runs("freesh", [70] * 5),
    ]
    names = ("reference", "simple", "worse service", "freesh")
    energy, carbon = (gap_of(each, found, names, names[:3], bounds([40] * 5)) for each in ("energy", "carbon"))
    assert energy is not None
    assert carbon is not None
    assert (energy.strongest, carbon.strongest) == ("simple", "simple")
    assert ends(energy.share) == pytest.approx((0.25, 0.25, 0.25))
    assert ends(carbon.share) == pytest.approx((0.5, 0.5, 0.5))
    assert (energy.sums, carbon.sums) == ((400, 350, 200), (400, 350, 300))


def test_each_ledger_has_its_own_strongest_baseline() -> None:
    frugal = [replace(each, carbon_kg=95.0) for each in runs("frugal", [60])]
    clean = [replace(each, carbon_kg=65.0) for each in runs("clean", [90])]
    found = [*runs("reference", [100]), *frugal, *clean, *runs("freesh", [70])]
    names = ("reference", "frugal", "clean", "freesh")
    energy, carbon = (gap_of(each, found, names, names[:3], bounds([40])) for each in ("energy", "carbon"))
    assert energy is not None
    assert carbon is not None
    assert (energy.strongest, carbon.strongest) == ("frugal", "clean")
    assert ends(energy.share) == pytest.approx((-0.5,))


def test_the_gap_is_of_the_hours_that_have_a_bound() -> None:
    found = [*runs("reference", [100, 900]), *runs("freesh", [70, 70])]
    closed = gap_of("energy", found, ("reference", "freesh"), ("reference",), bounds([40]))
    assert closed is not None
    assert list(closed.sums) == [100, 70, 40]
    assert ends(closed.share) == pytest.approx((0.5,))
    assert gap_of("energy", found, ("reference", "freesh"), ("reference",), []) is None


def test_there_is_no_gap_where_the_bound_is_no_better_or_not_known() -> None:
    found = [*runs("reference", [60, 60]), *runs("freesh", [70, 70])]
    known = bounds([60, 60], carbon=None)
    closed = gap_of("energy", found, ("reference", "freesh"), ("reference",), known)
    assert closed is not None
    assert closed.share is None
    assert gap_of("carbon", found, ("reference", "freesh"), ("reference",), known) is None


def test_seeds_are_averaged_in_the_sums_of_the_gap() -> None:
    found = [replace(each, seed=seed) for seed in (1, 2) for each in (*runs("reference", [100]), *runs("freesh", [70]))]
    closed = gap_of("energy", found, ("reference", "freesh"), ("reference",), bounds([40]))
    assert closed is not None
    assert list(closed.sums) == [100, 70, 40]
