"""Time and power over the clock, by hand; what a pass is made of."""

from dataclasses import replace

import numpy as np
import pytest

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.power_model import PowerModel
from profiling.modelled.clock_model import ClockedPass
from profiling.modelled.gpu_sheet import SHEETS, sheet
from profiling.modelled.llm_size import llm_size
from profiling.modelled.modelled_profile import clocks_mhz
from profiling.modelled.observation import Kind, Observation
from profiling.modelled.power_models import BRACKET, power_model
from profiling.modelled.terms import TERMS, kv_capacity, terms_of

POWER = PowerModel(50, 10, 40, 300, 1000, 0.7, 2000, 400)


def parts(**seconds: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([seconds.get(each, 0.0) for each in TERMS])


def test_what_computes_slows_down_and_what_reads_does_not() -> None:
    one = ClockedPass(parts(weights=0.010, kv=0.005, compute=0.004, launch=0.010), 250, POWER)
    assert one.time_s(2000) == pytest.approx(0.029)
    assert one.time_s(1000) == pytest.approx(0.015 + 0.008 + 0.012)


def test_power_at_the_top_clock_is_the_given_one_and_falls_by_the_model() -> None:
    """Reading half of the time: 20 W; so computing leaves 250 - 50 - 10 - 20 = 170 W, u = 170/300.

    At half the clock the pass takes 1.5 times as long: u = 170/300·2/1.5, V = .7, reading a third of the time.
    """
    one = ClockedPass(parts(weights=0.010, compute=0.010), 250, POWER)
    assert one.power_w(2000) == pytest.approx(250)
    expected = 50 + 10 / 2 + 40 / 3 + 300 / 2 * 0.49 * (170 / 300 * 2 / 1.5)
    assert one.power_w(1000) == pytest.approx(expected)


def test_power_below_what_rest_and_memory_draw_leaves_nothing_for_computing() -> None:
    one = ClockedPass(parts(weights=0.010), 60, POWER)
    assert one.power_w(2000) == pytest.approx(100)


STEP = Observation("any", llm_size("llama-3-8b"), SHEETS["A100"], 1, 1, 10, 1000, 0, Kind.STEP, 0.02)


def test_a_step_by_the_data_sheet() -> None:
    seconds = dict(zip(TERMS, terms_of([STEP])[0], strict=True))
    assert seconds["weights"] == pytest.approx(2 * 8.03e9 / 2.039e12)
    assert seconds["kv"] == pytest.approx(10 * 1000 * 2 * 2 * 32 * 1024 / 2.039e12)
    assert seconds["compute"] == pytest.approx(2 * 8.03e9 * 10 / 312e12)
    assert seconds["sync"] == seconds["exchange"] == seconds["prompt"] == 0


def test_a_run_takes_turns_where_memory_does_not_hold_all() -> None:
    run = replace(STEP, kind=Kind.RUN, batch=1, prompt_tokens=1000, answer_tokens=1000)
    places = kv_capacity(run) / (1000 + 750)
    one_turn, two_turns = terms_of([replace(run, batch=places), replace(run, batch=2 * places)])
    assert two_turns == pytest.approx(2 * one_turn)


def test_ranks_share_the_weights_and_talk() -> None:
    seconds = dict(zip(TERMS, terms_of([replace(STEP, gpus=4, tensor_parallel=4)])[0], strict=True))
    assert seconds["weights"] == pytest.approx(2 * 8.03e9 / 2.039e12 / 4)
    assert seconds["sync"] > 0
    assert seconds["exchange"] > 0


@pytest.mark.parametrize("name", ["H200", "L40S"])
def test_gpus_without_figures_are_scaled_and_say_so(name: str) -> None:
    own = power_model(sheet(name), "mid")
    assert "extrapolated" in own.source
    assert own.top_clock_mhz == sheet(name).top_clock_mhz
    assert own.cap_w == sheet(name).board_w


def test_power_models_bracket() -> None:
    for name in ("A100", "H100"):
        knees = [power_model(sheet(name), each).knee_mhz for each in BRACKET]
        assert knees == sorted(set(knees))


@pytest.mark.parametrize("name", list(SHEETS))
def test_clocks_ascend_to_the_highest(name: str) -> None:
    clocks = clocks_mhz(sheet(name))
    assert clocks == tuple(sorted(set(clocks)))
    assert clocks[-1] == sheet(name).top_clock_mhz


def test_the_unknown_is_named() -> None:
    with pytest.raises(ProfileError, match=r"GPU 'B300' is not known; known are .*A100"):
        sheet("B300")
    with pytest.raises(ProfileError, match="model 'gpt-9' is not known"):
        llm_size("gpt-9")
