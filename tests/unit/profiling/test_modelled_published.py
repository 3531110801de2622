"""The fits on the public figures: how far off for what they have not seen; that the project's profiles are theirs."""

from pathlib import Path

import pytest

from freesh_plugin.adapters.profile_file import read_profile
from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile_document import Provenance
from profiling.__main__ import main
from profiling.modelled.leave_out import Fits, leave_out, median_off
from profiling.modelled.modelled_profile import SHIPPED, Instance, modelled_profile
from profiling.modelled.observation import Kind, Observation
from profiling.modelled.published import read_published

DATA = Path(__file__).parents[3] / "freesh_plugin" / "data"
AIM = 0.15


@pytest.fixture(scope="module")
def observations(freesh_data: Path) -> tuple[Observation, ...]:
    return read_published(freesh_data / "profiles")


@pytest.fixture(scope="module")
def fits(observations: tuple[Observation, ...]) -> Fits:
    return Fits.of(observations)


@pytest.mark.data
def test_a_pair_that_was_left_out_is_met_within_the_aim(observations: tuple[Observation, ...]) -> None:
    misses = leave_out(observations)
    assert len(misses) == len(observations)
    for values in ([each.throughput for each in misses], [each.power for each in misses]):
        off, count = median_off(values)
        assert off is not None
        assert off <= AIM
        assert count > 500


@pytest.mark.data
def test_figures_are_read_in_their_units(observations: tuple[Observation, ...]) -> None:
    assert all(0 < each.time_s < 5000 for each in observations)
    assert all(each.power_w is None or 40 < each.power_w < 800 for each in observations)
    assert {each.kind for each in observations} == set(Kind)
    assert len({each.source for each in observations}) == 6


@pytest.mark.data
@pytest.mark.parametrize("instance", SHIPPED, ids=lambda each: each.file_name)
def test_the_profiles_that_the_project_brings_are_those_of_the_fit(fits: Fits, instance: Instance) -> None:
    known, made = read_profile(DATA / instance.file_name), modelled_profile(fits, instance, Provenance([], 0))
    assert known.limits == made.limits
    assert len(known.points) == len(made.points)
    for old, new in zip(known.points, made.points, strict=True):
        assert (old.phase, old.batch, old.tokens, old.sm_clock_mhz) == (
            new.phase,
            new.batch,
            new.tokens,
            new.sm_clock_mhz,
        )
        assert new.time_s == pytest.approx(old.time_s, rel=1e-3)
        assert new.power_w == pytest.approx(old.power_w, rel=1e-3)


@pytest.mark.data
def test_gpus_without_figures_are_labelled(fits: Fits) -> None:
    made = modelled_profile(fits, Instance("H200", "llama-3-70b", 4), Provenance([], 0))
    assert made.extrapolated
    assert "extrapolated" in made.label


@pytest.mark.data
def test_a_profile_is_made_on_request(freesh_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = ["--instance", "L40S:llama-3-8b:1", "--power-model", "low", "-o", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["profiling", "fit", "--published", str(freesh_data / "profiles"), *request])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    made = read_profile(tmp_path / "l40s-llama-3-8b-tp1.json")
    assert made.extrapolated
    assert made.provenance.notes[0].startswith("EXTRAPOLATED")


@pytest.mark.data
def test_weights_that_do_not_fit_are_refused(fits: Fits) -> None:
    with pytest.raises(ProfileError, match=r"141 GB of weights do not fit 1 x H100 of 80 GB"):
        modelled_profile(fits, Instance("H100", "llama-3-70b", 1), Provenance([], 0))


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="not the public profiles"):
        read_published(tmp_path)
