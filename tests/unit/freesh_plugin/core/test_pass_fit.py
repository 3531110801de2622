"""Constants fitted to a profile's points: those that the points were made by, and near to the points of real ones."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from freesh_plugin.adapters.profile_file import read_profile
from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.pass_fit import PassFit, fit_passes
from freesh_plugin.core.power_model import PowerModel, power_w, shares
from freesh_plugin.core.profile import Phase, TokenPoint
from freesh_plugin.core.step_model import StepModel, step_s

DATA = Path(__file__).parents[4] / "freesh_plugin" / "data"
STEP = StepModel(fixed_ms=7, kv_ms=12, compute_ms=3, ms_per_request=0.05, prefill_tokens_per_ms=11, top_clock_mhz=1800)
POWER = PowerModel(clock_w=0, knee_mhz=900, knee_voltage=0.6, top_clock_mhz=1800)
CLOCKS_MHZ = (900.0, 1200.0, 1500.0, 1800.0)


def made(phase: Phase, batch: int, tokens: int, clock_mhz: float, gpus: int) -> TokenPoint:
    kv, prefill = (0, tokens) if phase is Phase.PREFILL else (batch * tokens, 0)
    time_s = step_s(STEP, clock_mhz, batch, kv, prefill)
    watts = gpus * power_w(POWER, clock_mhz, shares(STEP, clock_mhz, batch, prefill, time_s))
    return TokenPoint(phase, tokens, time_s, watts, batch, clock_mhz)


def points(clocks_mhz: tuple[float, ...] = CLOCKS_MHZ, gpus: int = 1) -> Iterator[TokenPoint]:
    for clock_mhz in clocks_mhz:
        yield from (made(Phase.PREFILL, 1, tokens, clock_mhz, gpus) for tokens in (128, 1024, 4096))
        yield from (
            made(Phase.DECODE, batch, tokens, clock_mhz, gpus) for batch in (1, 16, 64) for tokens in (100, 900)
        )


def test_the_models_that_made_the_points() -> None:
    fit = fit_passes(tuple(points(gpus=2)), 2, 140.0, "made")
    assert [getattr(fit.step, name) for name in MADE] == pytest.approx([getattr(STEP, name) for name in MADE])
    assert (fit.step.top_clock_mhz, fit.step.source) == (1800, "made")
    assert (fit.power.knee_mhz, fit.power.knee_voltage) == (900, 0.6)
    assert fit.power.dynamic_w == pytest.approx(POWER.dynamic_w, rel=0.01)
    assert fit.time_error < 1e-6
    assert fit.power_error < 1e-3  # the highest of them meet the power limit


MADE = ("fixed_ms", "kv_ms", "compute_ms", "ms_per_request", "prefill_tokens_per_ms")


@pytest.mark.parametrize("clocks_mhz", [(1800.0,), (900.0, 1800.0)])
def test_few_clocks_leave_the_voltage_as_assumed(clocks_mhz: tuple[float, ...]) -> None:
    fit = fit_passes(tuple(points(clocks_mhz)), 1, 70.0, "made")
    assert fit.power.knee_voltage == 0.67
    assert fit.time_error < 1e-6
    assert fit.power_error < 0.03


def test_points_that_state_no_clock() -> None:
    fit = fit_passes([replace(each, sm_clock_mhz=None) for each in points((1800.0,))], 1, 70.0, "made")
    assert max(fit.time_error, fit.power_error) < 0.01


@pytest.mark.parametrize("path", sorted(DATA.glob("*.json")), ids=lambda path: path.stem)
def test_near_to_the_profiles_that_the_project_brings(path: Path) -> None:
    document = read_profile(path)
    fit = fit_passes(document.token_points(), document.gpus, document.limits.idle_power_w, "modelled")
    assert fit.time_error < 0.02
    assert fit.power_error < 0.06
    assert _never_negative(fit)


def _never_negative(fit: PassFit) -> bool:
    """Far beyond the largest batch that was fitted, too."""
    used = shares(fit.step, 1000.0, 4096, 0, 0.1, fit.shares)
    return used.compute >= 0 and used.memory >= 0


def test_what_cannot_be_fitted() -> None:
    flat = [replace(each, time_s=0.01) if each.phase is Phase.PREFILL else each for each in points((1800.0,))]
    with pytest.raises(ProfileError, match="does not grow"):
        fit_passes(flat, 1, 70.0, "made")
    with pytest.raises(ProfileError, match="0 GPUs"):
        fit_passes(tuple(points()), 0, 70.0, "made")
