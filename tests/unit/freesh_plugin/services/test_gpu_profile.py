"""What a router takes of a profile: weights near to its points, its frugal clock; a file that is none is refused."""

from pathlib import Path

import pytest

from freesh_plugin.adapters.profile_file import read_profile
from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.profile import Phase
from freesh_plugin.runtime.energy_weights import ASSUMED_WEIGHTS, PassPower
from freesh_plugin.services.gpu_profile import gpu_profile
from profiling.fit.fit_rows import fit_rows
from profiling.profile.document import write_profile
from tests.fakes.sweep_rows import make_rows

DATA = Path(__file__).parents[4] / "freesh_plugin" / "data"
H100 = DATA / "h100-llama-3-70b-tp4.json"


def whole_w(parts: PassPower) -> float:
    return parts.prompts_w + parts.memory_w + parts.alike_w


def test_without_a_profile_all_is_assumed() -> None:
    assert (gpu_profile(None).weights, gpu_profile(None).floor_mhz) == (ASSUMED_WEIGHTS, None)


def test_weights_are_the_watts_of_the_profile_and_the_floor_its_frugal_clock() -> None:
    told, document = gpu_profile(H100), read_profile(H100)
    assert (told.floor_mhz, told.gpus) == (990, 4)
    for each in document.points:
        clock_mhz = each.sm_clock_mhz or 0.0
        work = (1, 0, 8192) if each.phase is Phase.PREFILL else (each.batch, round(each.batch * each.tokens), 0)
        if each.phase is Phase.DECODE or each.tokens == 8192:
            assert whole_w(told.weights.of(clock_mhz, *work)) == pytest.approx(each.power_w / 4, rel=0.25)


def test_a_prompt_weighs_what_the_profile_says_beside_decoding() -> None:
    """8,192 prompt tokens beside 64 requests of 1,024: seconds and watts of the points at 1,410 MHz."""
    table = read_profile(H100).table()
    prompt_j = table.prefill_s(8192, 1410) * table.prefill_power_w(8192, 1410)
    decode_j = table.decode_step_s(64, 1024, 1410) * table.decode_power_w(64, 1024, 1410)
    parts = gpu_profile(H100).weights.of(1410.0, 64, 64 * 1024, 8192)
    assert parts.prompts_w / whole_w(parts) == pytest.approx(prompt_j / (prompt_j + decode_j), abs=0.02)


def test_a_sweep_without_clocks_tells_no_floor(tmp_path: Path) -> None:
    write_profile(fit_rows(make_rows(clocks_mhz=None), "m", "H100"), tmp_path / "p.json")
    told = gpu_profile(tmp_path / "p.json")
    assert told.floor_mhz is None
    assert told.weights != ASSUMED_WEIGHTS


@pytest.mark.parametrize("text", [None, "{}", "no JSON"])
def test_a_file_that_is_no_profile_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "p.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"FREESH_PROFILE: .*p\.json: (cannot be read|not a profile)"):
        gpu_profile(path)
