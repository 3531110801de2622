"""A sweep becomes a profile that gives back what was measured; what was not measured is said, never made up."""

from dataclasses import replace

import pytest

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile import Basis
from profiling.fit.fit_rows import fit_rows, what_is_lacking
from profiling.sweep.cell import Work
from profiling.sweep.measured_row import SLOWED
from tests.fakes.sweep_rows import Rows, make_rows


def test_the_profile_gives_back_every_cell() -> None:
    rows = make_rows()
    document = fit_rows(rows, "TP1xH100", "H100", model="toy", kv_tokens=200_000)
    table = document.table()
    for row in rows:
        clock, context = row.cell.sm_clock_mhz, row.taken.context_tokens or 0.0
        if row.cell.work is Work.PREFILL:
            found = table.prefill_s(context, clock), table.prefill_power_w(context, clock)
        elif row.cell.work is Work.DECODE:
            found = (
                table.decode_step_s(row.cell.batch, context, clock),
                table.decode_power_w(row.cell.batch, context, clock),
            )
        else:
            continue
        assert found == pytest.approx((row.taken.time_s, row.taken.power_w))
    assert (document.basis, document.limits.max_batch, document.limits.kv_tokens) == (Basis.SIMULATED, 32, 200_000)


def test_provenance_says_where_it_is_from_and_how_good_it_is() -> None:
    own = fit_rows(make_rows(), "TP1xH100", "H100").provenance
    assert "bench-1" in own.sources[0]
    assert "simulated" in own.sources[0]
    assert (own.cells, own.spread) == (28, 0.01)
    assert own.errors[0].median < 0.01
    assert any("lower bound" in each for each in own.notes)
    assert {each.name for each in own.parameters} >= {"step.fixed_ms", "step.prefill_tokens_per_ms"}


def test_at_the_clock_found_the_profile_states_no_clock() -> None:
    document = fit_rows(make_rows(clocks_mhz=None), "TP1xH100", "H100")
    assert document.table().sm_clocks_mhz == ()
    assert any("clock found, 1980 MHz" in each for each in document.provenance.notes)


def test_without_energy_there_is_no_profile_and_it_says_so() -> None:
    rows = make_rows(powered=False)
    with pytest.raises(ProfileError, match=r"4 of 4 prefill cells have no power.*24 of 24 decode cells have no power"):
        fit_rows(rows, "TP1xH100", "H100")


def _without(rows: Rows, work: Work) -> Rows:
    return tuple(row for row in rows if row.cell.work is not work)


@pytest.mark.parametrize("work", list(Work))
def test_work_that_was_not_measured_is_named(work: Work) -> None:
    assert what_is_lacking(_without(make_rows(), work)) == [f"no {work} cell was measured"]


def test_a_single_cell_without_energy_is_enough_to_stop() -> None:
    rows = make_rows()
    broken = replace(rows[1], taken=replace(rows[1].taken, power_w=None))
    assert what_is_lacking((rows[0], broken, *rows[2:])) == [
        "1 of 4 prefill cells have no power (no energy counter was read)"
    ]


def _read_at(rows: Rows, clock_mhz: int, read_mhz: float, note: str = "") -> Rows:
    """The rows of a clock as if another had been read while they ran."""
    return tuple(
        replace(row, taken=replace(row.taken, sm_clock_read_mhz=read_mhz, note=note))
        if row.cell.sm_clock_mhz == clock_mhz else row
        for row in rows
    )  # fmt: skip


def test_rows_that_ran_at_another_clock_are_left_out_and_it_says_so() -> None:
    document = fit_rows(_read_at(make_rows(), 1110, 1980.0), "TP1xH100", "H100")
    assert document.table().sm_clocks_mhz == (1980,)
    assert document.provenance.cells == 14
    assert "15 rows that ran at another clock than theirs" in document.provenance.missing
    with pytest.raises(ProfileError, match=r"no prefill cell.*29 rows that ran at another clock"):
        fit_rows(_read_at(_read_at(make_rows(), 1110, 1980.0), 1980, 1110.0), "TP1xH100", "H100")


def test_a_gpu_that_slowed_itself_down_is_no_other_clock() -> None:
    document = fit_rows(_read_at(make_rows(), 1980, 1800.0, f"{SLOWED}; 1 of 4 bursts ended too early"), "TP1", "H100")
    assert document.table().sm_clocks_mhz == (1110, 1980)
    above = _read_at(make_rows(), 1110, 1980.0, SLOWED)
    assert fit_rows(above, "TP1", "H100").table().sm_clocks_mhz == (1980,)


def test_a_clock_that_lacks_decode_times_is_left_out() -> None:
    rows = make_rows()
    some = tuple(row for row in rows if (row.cell.work, row.cell.sm_clock_mhz) != (Work.DECODE, 1110))
    document = fit_rows(some, "TP1xH100", "H100")
    assert (document.table().sm_clocks_mhz, document.limits.max_batch) == ((1980,), 32)
    assert "1110 MHz, without prefill or decode times" in document.provenance.missing


def test_two_runs_are_not_mixed() -> None:
    rows = make_rows()
    other = replace(rows[0], facts=replace(rows[0].facts, gpu="another"))
    with pytest.raises(ProfileError, match="2 different runs"):
        fit_rows((*rows, other), "TP1xH100", "H100")
    with pytest.raises(ProfileError, match="no rows"):
        fit_rows((), "TP1xH100", "H100")
