"""What a profile tells a router of its GPUs: the weights by which energy is shared, and the clock of least energy."""

import logging
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from freesh_plugin.adapters.profile_file import read_profile
from freesh_plugin.core.errors import ConfigError, ProfileError
from freesh_plugin.core.pass_fit import PassFit, fit_passes
from freesh_plugin.core.profile_document import ProfileDocument
from freesh_plugin.core.request_energy import frugal_clock_mhz, short_and_long
from freesh_plugin.runtime.energy_weights import ASSUMED_WEIGHTS, EnergyWeights

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GpuProfile:
    """What counts of a profile.

    Attributes:
        weights: By which measured energy is shared.
        floor_mhz: The clock of least energy; None where it is not known.
        gpus: Of the instance that was profiled; None without a profile.
    """

    weights: EnergyWeights = ASSUMED_WEIGHTS
    floor_mhz: int | None = None
    gpus: int | None = None


def gpu_profile(path: Path | None) -> GpuProfile:
    """Read the profile that the settings name; without one, weights are those assumed and no clock is known.

    Raises:
        ConfigError: it cannot be read, is no profile, or nothing can be fitted to it.
    """
    if path is None:
        return GpuProfile()
    try:
        document = read_profile(path)
        fit = fit_passes(document.token_points(), document.gpus, document.limits.idle_power_w, document.label)
    except ProfileError as error:
        raise ConfigError(f"FREESH_PROFILE: {error}") from error
    return _told(document, fit)


def _told(document: ProfileDocument, fit: PassFit) -> GpuProfile:
    clock_mhz = frugal_clock_mhz(document.table(), short_and_long(document.token_points()))
    floor_mhz = None if clock_mhz is None else ceil(clock_mhz)
    log.info(
        "profile label=%r floor_mhz=%s time_error=%.3f power_error=%.3f",
        document.label,
        floor_mhz,
        fit.time_error,
        fit.power_error,
    )
    return GpuProfile(EnergyWeights(fit.step, fit.power, fit.shares), floor_mhz, document.gpus)
