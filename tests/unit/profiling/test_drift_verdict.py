"""Drift: a profile that holds is left alone, one that does not asks for calibration."""

from dataclasses import replace

import pytest

from freesh_plugin.core.step_model import StepModel
from profiling.drift.drift import Bounds, compare, judge
from profiling.fit.fit_rows import fit_rows
from profiling.sweep.cell import Work
from tests.fakes.sweep_rows import Rows, make_rows

DEFAULT = Bounds()


def judged(planned: Rows, measured: Rows, bounds: Bounds = DEFAULT) -> dict[tuple[str, str], bool]:
    table = fit_rows(planned, "TP1xH100", "H100").table()
    return {(each.work, each.quantity): each.drifted for each in judge(compare(table, measured), bounds)}


def test_what_was_fitted_has_not_drifted() -> None:
    assert not any(judged(make_rows(), make_rows()).values())


def test_a_slower_engine_is_below_plan_in_capacity() -> None:
    """Every decode step takes a quarter longer at the same watts."""
    rows = tuple(
        replace(row, taken=replace(row.taken, time_s=row.taken.time_s * 1.25))
        if row.cell.work is Work.DECODE and row.taken.time_s
        else row
        for row in make_rows()
    )
    table = fit_rows(make_rows(), "TP1xH100", "H100").table()
    found = {(each.work, each.quantity): each for each in judge(compare(table, rows), Bounds())}
    assert found[Work.DECODE, "capacity"].off == pytest.approx(1 / 1.25 - 1, abs=1e-3)
    assert found[Work.DECODE, "energy"].off == pytest.approx(0.25, abs=1e-3)
    assert "20.0% below plan" in found[Work.DECODE, "capacity"].sentence
    assert not found[Work.PREFILL, "capacity"].drifted


@pytest.mark.parametrize(("bound", "drifted"), [(0.3, False), (0.2, True)])
def test_bounds_decide(bound: float, drifted: bool) -> None:
    slower = make_rows(StepModel(fixed_ms=9 * 1.25, kv_ms=9 * 1.25, compute_ms=2.5 * 1.25, ms_per_request=0.045 * 1.25))
    assert judged(make_rows(), slower, Bounds(bound, bound))[Work.DECODE, "energy"] is drifted


def test_without_energy_capacity_is_judged_alone() -> None:
    verdicts = judge(compare(fit_rows(make_rows(), "m", "H100").table(), make_rows(powered=False)), Bounds())
    energy = [each for each in verdicts if each.quantity == "energy"]
    assert [(each.off, each.cells) for each in energy] == [(None, 0), (None, 0)]
    assert "0 cells can be compared" in energy[0].sentence
    assert all(each.off is not None for each in verdicts if each.quantity == "capacity")


def test_cells_that_the_profile_does_not_cover_are_left_out() -> None:
    table = fit_rows(make_rows(clocks_mhz=(1110, 1500)), "m", "H100").table()
    compared = compare(table, make_rows(clocks_mhz=(1110, 1980)))
    assert {each.row.cell.sm_clock_mhz for each in compared} == {1110}


def test_cells_that_ran_at_another_clock_than_theirs_are_left_out() -> None:
    planned = make_rows(clocks_mhz=(1110, 1500))
    measured = tuple(
        replace(row, taken=replace(row.taken, sm_clock_read_mhz=1980)) if row.cell.sm_clock_mhz == 1500 else row
        for row in planned
    )
    compared = compare(fit_rows(planned, "m", "H100").table(), measured)
    assert {each.row.cell.sm_clock_mhz for each in compared} == {1110}
