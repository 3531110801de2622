"""The fit finds the constants again that made the times, and says what times cannot tell."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.step_model import StepModel
from profiling.fit.step_fit import fit_step_model
from profiling.sweep.cell import grid
from profiling.sweep.measured_row import SLOWED
from tests.fakes.sweep_rows import make_rows, perfect_row

models = st.builds(
    StepModel,
    fixed_ms=st.floats(1, 30),
    kv_ms=st.floats(1, 30),
    compute_ms=st.floats(0.5, 10),
    ms_per_request=st.floats(0.01, 1),
    prefill_tokens_per_ms=st.floats(1, 50),
)


@settings(max_examples=25, deadline=None)
@given(models)
def test_constants_are_found_again(model: StepModel) -> None:
    cells = grid((840, 1110, 1980), (1, 8, 32), (128, 1024), (64, 256))
    found = fit_step_model([perfect_row(each, model) for each in cells], 1980, "test")
    assert found.residual < 1e-3
    assert found.missing == ()
    for name in ("fixed_ms", "kv_ms", "compute_ms", "ms_per_request", "prefill_tokens_per_ms"):
        assert getattr(found.model, name) == pytest.approx(getattr(model, name), rel=0.02, abs=0.02)


def test_at_one_clock_what_computes_is_not_told_from_what_reads() -> None:
    found = fit_step_model(make_rows(clocks_mhz=(1980,)), 1980, "test")
    assert found.model.compute_ms == 0
    assert found.model.fixed_ms == pytest.approx(11.5, rel=0.01)  # 9 + 2.5
    assert any("one clock" in each for each in found.missing)


def test_a_row_that_was_slowed_counts_at_the_clock_that_it_had() -> None:
    """Times of 1110 MHz under the name of 1980, as a power limit makes them, are those of 1110."""
    held = make_rows(clocks_mhz=(1110, 1980))
    slowed = [
        replace(row, cell=replace(row.cell, sm_clock_mhz=1980), taken=replace(row.taken, note=SLOWED)) for row in held
    ]
    assert fit_step_model(slowed, 1980, "test").model == fit_step_model(held, 1980, "test").model


def test_few_times_are_no_model() -> None:
    with pytest.raises(ProfileError, match="at least 5"):
        fit_step_model(make_rows()[:3], 1980, "test")
