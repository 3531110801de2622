"""A sweep becomes a profile that gives back what was measured; what was not measured is said, never made up."""

from dataclasses import replace

import pytest

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile import Basis
from profiling.fit.fit_rows import fit_rows, what_is_lacking
from profiling.sweep.cell import Work
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


def test_two_runs_are_not_mixed() -> None:
    rows = make_rows()
    other = replace(rows[0], facts=replace(rows[0].facts, gpu="another"))
    with pytest.raises(ProfileError, match="2 different runs"):
        fit_rows((*rows, other), "TP1xH100", "H100")
    with pytest.raises(ProfileError, match="no rows"):
        fit_rows((), "TP1xH100", "H100")
