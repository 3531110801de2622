"""Requests of the governor's simulation: loads over time, Poisson arrivals, lengths."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

DURATION_S = 600.0
"""Length of a run."""


class Load(StrEnum):
    """How much is asked of the instance, as a share of its capacity at the highest clock."""

    LOW = "low"
    """.2 all along."""
    MEDIUM = "medium"
    """.45 all along."""
    HIGH = "high"
    """.75 all along."""
    STEP = "step"
    """.2, and from the middle on .75."""
    BURSTS = "bursts"
    """.45, and 1.3 for 20 s in every 120 s."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Requests in the order of their arrival; a run of one seed is the same for every policy.

    Attributes:
        arrivals_s: Times from the start.
        prompts: Prompt tokens.
        answers: Answer tokens.
    """

    arrivals_s: tuple[float, ...]
    prompts: tuple[int, ...]
    answers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lengths:
    """Truncated lognormal lengths in tokens: assumed, those of the reference simulation."""

    prompt_log_mean: float = 6.5
    answer_log_mean: float = 5.2
    sigma: float = 0.8
    prompt_range: tuple[int, int] = (16, 6000)
    answer_range: tuple[int, int] = (4, 1200)


def shares_of_capacity(load: Load) -> list[tuple[float, float]]:
    """(Start in seconds, share of capacity from there on), ascending, from 0."""
    if load is Load.STEP:
        return [(0.0, 0.2), (DURATION_S / 2, 0.75)]
    if load is Load.BURSTS:
        starts = np.arange(0.0, DURATION_S, _CYCLE_S)
        return [
            each for start in starts for each in ((start, 0.45), (start + _CALM_S, 1.3), (start + _CALM_S + 20.0, 0.45))
        ]
    return [(0.0, {Load.LOW: 0.2, Load.MEDIUM: 0.45, Load.HIGH: 0.75}[load])]


def draw(load: Load, capacity_rps: float, seed: int, lengths: Lengths | None = None) -> Trace:
    """A run's requests."""
    rates = [(start_s, share * capacity_rps) for start_s, share in shares_of_capacity(load)]
    return draw_rates(rates, DURATION_S, seed, lengths)


def draw_rates(rates: list[tuple[float, float]], duration_s: float, seed: int, lengths: Lengths | None = None) -> Trace:
    """Requests at piecewise constant `rates`: (start in seconds, requests a second from there on)."""
    random, chosen = np.random.default_rng(seed), lengths or Lengths()
    ends = [start_s for start_s, _ in rates[1:]] + [duration_s]
    parts = []
    for (start_s, rate_rps), end_s in zip(rates, ends, strict=True):
        count = random.poisson(rate_rps * (end_s - start_s))
        parts.append(np.sort(random.uniform(start_s, end_s, count)))
    arrivals_s = np.concatenate(parts)
    return Trace(
        tuple(arrivals_s.tolist()),
        _lengths(random, chosen.prompt_log_mean, chosen.sigma, chosen.prompt_range, len(arrivals_s)),
        _lengths(random, chosen.answer_log_mean, chosen.sigma, chosen.answer_range, len(arrivals_s)),
    )


def _lengths(
    random: np.random.Generator, log_mean: float, sigma: float, limits: tuple[int, int], count: int
) -> tuple[int, ...]:
    drawn = np.rint(random.lognormal(log_mean, sigma, count))
    return tuple(np.clip(drawn, *limits).astype(int).tolist())


_CYCLE_S = 120.0
_CALM_S = 50.0
