"""Requests made from recorded rates: arrivals by a stated process inside each window, lengths from a named source."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from freesh_plugin.core.errors import ConfigError
from models.domain.workload import Workload, WorkloadRequest
from models.sources.workload.arrivals import CHUNK_S, Burstiness, arrival_blocks
from models.sources.workload.dispersion import dispersion
from models.sources.workload.dressing import exact
from models.sources.workload.length_draws import LengthDraws
from models.sources.workload.randomness import generator
from models.sources.workload.servegen import ClientRates

_GRID_S = 10.0


@dataclass(frozen=True)
class RatedSettings:
    """What is made of rates.

    Attributes:
        start_s: Start in the trace, seconds.
        duration_s: Length.
        mean_rps: Mean rate over that time; None = as recorded.
        seed: Of arrivals and lengths.
        max_new_tokens: Most tokens of an answer.
    """

    start_s: float
    duration_s: float
    mean_rps: float | None
    seed: int
    max_new_tokens: int


def rated_workload(
    name: str, source: str, clients: Mapping[int, ClientRates], lengths: LengthDraws, settings: RatedSettings
) -> Workload:
    """Requests of the streams of all clients together.

    Raises:
        ConfigError: the time is outside the trace, or nothing is sent in it.
    """
    end_s = settings.start_s + settings.duration_s
    rates = [each.rates for each in clients.values()]
    if end_s > max(each.end_s for each in rates):
        raise ConfigError(f"{name}: until {end_s:g} s, the trace ends at {max(each.end_s for each in rates):g} s")
    recorded_rps = sum(each.mean(settings.start_s, end_s) for each in rates)
    if not recorded_rps > 0:
        raise ConfigError(f"{name}: nothing is sent from {settings.start_s:g} s to {end_s:g} s")
    factor = 1.0 if settings.mean_rps is None else settings.mean_rps / recorded_rps
    holes = max(each.holes(settings.start_s, end_s) for each in rates)
    return Workload(
        name,
        f"{source}; lengths: {lengths.name}"
        + (f"; {holes} missing windows bridged by straight lines" if holes else ""),
        settings.duration_s,
        lambda: _requests(clients, lengths, settings, factor),
        "" if factor == 1 else f"rates x {factor:.4g}",
        _expected_index(clients, settings),
        dispersion((times_s for times_s, _ in _arrivals(clients, settings, factor)), settings.duration_s),
    )


def _expected_index(clients: Mapping[int, ClientRates], settings: RatedSettings) -> float:
    """Index of dispersion at 1 s to expect of the recorded rates, which are too high to draw: of chance and of waves.

    Counts of arrivals that vary by cv have an index of cv^2 where many fall into a second; a rate that changes adds its
    variance over its mean.
    """
    times_s = settings.start_s + np.arange(0.0, settings.duration_s, _GRID_S) + _GRID_S / 2
    rates = np.array([each.rates.at(times_s) for each in clients.values()])
    cvs = np.array([[each.cv_at(time_s) for time_s in times_s] for each in clients.values()])
    chance = (rates * cvs**2).sum() / rates.sum()
    whole = rates.sum(axis=0)
    return float(chance + whole.var() / whole.mean())


def _requests(
    clients: Mapping[int, ClientRates], lengths: LengthDraws, settings: RatedSettings, factor: float
) -> Iterator[WorkloadRequest]:
    random, most = generator(settings.seed, "lengths"), settings.max_new_tokens
    for times_s, senders in _arrivals(clients, settings, factor):
        prompts, answers = lengths.draw(random, settings.start_s + times_s, senders)
        drawn = zip(times_s, prompts, np.minimum(answers, most), senders, strict=True)
        for arrival_s, prompt, answer, client in drawn:
            yield WorkloadRequest(
                float(arrival_s), int(prompt), int(answer), most, exact(int(answer)), client=int(client)
            )


def _arrivals(
    clients: Mapping[int, ClientRates], settings: RatedSettings, factor: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Arrival times and their clients in order, block by block; all streams have blocks of the same times."""
    streams = [_stream(client, rates, settings, factor) for client, rates in clients.items()]
    for blocks in zip(*streams, strict=True):
        yield _merged(blocks, list(clients))


def _stream(client: int, rates: ClientRates, settings: RatedSettings, factor: float) -> Iterator[np.ndarray]:
    start_s = settings.start_s
    return arrival_blocks(
        lambda times_s: factor * rates.rates.at(start_s + times_s),
        settings.duration_s,
        Burstiness(),
        settings.seed + 7_919 * client,
        cv_at=lambda time_s: rates.cv_at(start_s + time_s + CHUNK_S / 2),
    )


def _merged(blocks: Sequence[np.ndarray], clients: list[int]) -> tuple[np.ndarray, np.ndarray]:
    if len(blocks) == 1:
        return blocks[0], np.full(len(blocks[0]), clients[0])
    times_s = np.concatenate(blocks)
    senders = np.repeat(clients, [len(each) for each in blocks])
    order = np.argsort(times_s, kind="stable")
    return times_s[order], senders[order]
