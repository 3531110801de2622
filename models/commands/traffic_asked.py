"""The requests that `simulate` is asked for: numbers within their limits, and no option that would do nothing."""

import math
from collections.abc import Iterator

from freesh_plugin.core.errors import ConfigError
from models.evaluate.own_hour import SYNTHETIC, OwnTraffic
from models.sources.workload.read import RATES

MOST_LENGTH_ERROR = 5.0
"""Ten times the default: nine in ten predictions lie within a factor of 4,000 of the truth; beyond, nothing is told."""


def check_traffic(traffic: OwnTraffic) -> None:
    """What is asked can be done, and all of it counts.

    Raises:
        ConfigError: a number is out of range, or an option does not go with the others.
    """
    _check_numbers(traffic)
    for option, why in _without_effect(traffic):
        raise ConfigError(f"{option}: has no effect, for {why}; leave it out")


def _check_numbers(traffic: OwnTraffic) -> None:
    for option, number in (("--scale", traffic.scale), ("--rate", traffic.rate_rps)):
        if number is not None and not 0 < number < math.inf:
            raise ConfigError(f"{option}: {number:g}, must be above 0")
    if traffic.seed < 0:
        raise ConfigError(f"--seed: {traffic.seed}, must be at least 0")
    if not 0 <= traffic.start_s < math.inf:
        raise ConfigError(f"--skip: {traffic.start_s:g} s, must be at least 0")
    if not 0 <= traffic.length_error <= MOST_LENGTH_ERROR:
        raise ConfigError(f"--length-error: {traffic.length_error:g}, must be from 0 to {MOST_LENGTH_ERROR:g}")


def _without_effect(traffic: OwnTraffic) -> Iterator[tuple[str, str]]:
    """Options that were given and would not be looked at, with the reason."""
    if traffic.rate_rps is not None and traffic.scale != 1:
        yield "--scale", "--rate is what each hour is brought to instead"
    if traffic.kind == SYNTHETIC:
        made = "requests are made unless --workload names what is read, such as csv"
        yield from ((option, made) for option in _of_traces(traffic))
    if traffic.kind != RATES:
        if traffic.lengths is not None:
            yield "--lengths", f"it is for --workload {RATES} alone"
        if traffic.series != OwnTraffic.series:
            yield "--series", f"it is for --workload {RATES} alone"
    elif traffic.method is not None:
        yield "--scale-method", f"the rates of --workload {RATES} are multiplied"
    if traffic.method is not None and traffic.rate_rps is None and traffic.scale == 1:
        yield "--scale-method", "without --rate or --scale nothing is scaled"


def _of_traces(traffic: OwnTraffic) -> Iterator[str]:
    if traffic.path is not None:
        yield "--data"
    if traffic.start_s:
        yield "--skip"
    if traffic.method is not None:
        yield "--scale-method"
