"""Requests made from a seed, for those who have no trace: synthetic, calibrated to public data, never measured.

- Lengths: log-normal fits (mean and standard deviation of the logarithm) of Azure's two traces of 2023, cut at their
  shortest and longest; `mixed` is 69 % conversation and 31 % code, as there. Prompt and answer are independent (their
  logarithms correlate by .09 and .00 there). The conversation trace has two peaks of answers, at 85 and 400 tokens,
  which a log-normal has not: its median is 151 tokens, the trace's 129.
- Rate: the day of ServeGen's m-small (`diurnal`); bursts as in both Azure traces together (8.0 req/s, index of
  dispersion 5.1 at 1 s and 64 at 60 s), whose level varies by .51: the index grows with the rate.
- Conversations: half of the requests go on with an earlier one where one fits; half a minute of thinking. Assumed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import log

import numpy as np

from freesh_plugin.core.errors import ConfigError
from models.domain.workload import Workload, WorkloadRequest
from models.sources.scenario.spot import nearest
from models.sources.workload.arrivals import Burstiness, arrival_blocks
from models.sources.workload.conversations import Conversations, block_names
from models.sources.workload.dispersion import dispersion
from models.sources.workload.diurnal import factor_at
from models.sources.workload.dressing import Dress, dressed, exact
from models.sources.workload.randomness import generator

MAX_NEW_TOKENS = 2_048
"""Most tokens of an answer where a trace does not say: above all answers of Azure's traces of 2023."""

AZURE_LEVEL_VARIANCE = 0.51
SOURCE = "synthetic (calibrated to Azure 2023 and ServeGen, not measured)"


@dataclass(frozen=True)
class LengthFit:
    """A kind of requests: share, log-normal prompt and answer (mean and sd of the logarithm), shortest and longest."""

    share: float
    prompt: tuple[float, float]
    prompt_range: tuple[int, int]
    answer: tuple[float, float]
    answer_range: tuple[int, int]


CONVERSATION = LengthFit(0.69, (6.633, 0.985), (2, 14_050), (5.019, 0.859), (7, 1_000))
CODE = LengthFit(0.31, (6.999, 1.360), (3, 7_437), (2.788, 0.847), (6, 1_899))
KINDS = {"mixed": (CONVERSATION, CODE), "conversation": (CONVERSATION,), "code": (CODE,)}


@dataclass(frozen=True)
class SyntheticSettings:
    """What is made.

    Attributes:
        rate_rps: Mean rate over the whole, requests a second.
        duration_s: Length.
        kind: One of `KINDS`.
        start_hour: Local hour of the day at which it starts.
        level_variance: Of bursts (`Burstiness`); 0 = Poisson.
        goes_on: Share of requests that go on with an earlier conversation, where one fits.
        max_new_tokens: Most tokens of an answer.
    """

    rate_rps: float = 5.0
    duration_s: float = 3_600.0
    kind: str = "mixed"
    start_hour: float = 10.0
    level_variance: float = AZURE_LEVEL_VARIANCE
    goes_on: float = 0.5
    max_new_tokens: int = MAX_NEW_TOKENS
    dress: Dress = field(default_factory=Dress)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"kind {self.kind!r} of synthetic requests is unknown{nearest(self.kind, list(KINDS))}")
        for name in ("rate_rps", "duration_s", "max_new_tokens"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} of synthetic requests is {getattr(self, name):g}, must be above 0")
        if not 0 <= self.goes_on <= 1:
            raise ConfigError(f"goes_on is {self.goes_on:g}, must be from 0 to 1")


def synthetic_workload(seed: int = 0, settings: SyntheticSettings | None = None) -> Workload:
    """Requests by a seed: the same every time they are asked for."""
    chosen = settings or SyntheticSettings()
    bare = Workload(
        name=f"synthetic, {chosen.kind}, {chosen.rate_rps:g} req/s, seed {seed}",
        source=SOURCE,
        duration_s=chosen.duration_s,
        requests=lambda: _requests(seed, chosen),
        dispersion_after=dispersion(_arrivals(seed, chosen), chosen.duration_s),
    )
    return dressed(bare, chosen.dress)


def _arrivals(seed: int, settings: SyntheticSettings) -> Iterator[np.ndarray]:
    start_s = settings.start_hour * 3_600
    minutes = np.arange(0.0, settings.duration_s, 60.0)
    scale = settings.rate_rps / float(factor_at(start_s + minutes).mean())
    return arrival_blocks(
        lambda times_s: scale * factor_at(start_s + times_s),
        settings.duration_s,
        Burstiness(level_variance=settings.level_variance),
        seed,
    )


def _requests(seed: int, settings: SyntheticSettings) -> Iterator[WorkloadRequest]:
    random, conversations = generator(seed, "requests"), Conversations()
    for block in _arrivals(seed, settings):
        prompts, answers = _lengths(random, settings, len(block))
        goes_on = random.random(len(block)) < settings.goes_on
        thinking_s = random.lognormal(log(30.0), 1.0, len(block))
        drawn = zip(block, prompts, answers, goes_on, thinking_s, strict=True)
        for arrival_s, prompt, answer, wish, thinks_s in drawn:
            yield _request(conversations, settings, float(arrival_s), int(prompt), int(answer), wish, float(thinks_s))


def _request(
    conversations: Conversations,
    settings: SyntheticSettings,
    arrival_s: float,
    prompt: int,
    answer: int,
    goes_on: bool,
    thinks_s: float,
) -> WorkloadRequest:
    session = conversations.join(arrival_s, prompt, goes_on) if settings.goes_on else 0
    if session:
        conversations.answered(session, arrival_s, prompt + answer, answer, thinks_s)
    return WorkloadRequest(
        arrival_s, prompt, answer, settings.max_new_tokens, exact(answer), session=session,
        prefix=block_names(session, prompt) if session else (),
    )  # fmt: skip


def _lengths(random: np.random.Generator, settings: SyntheticSettings, size: int) -> tuple[np.ndarray, np.ndarray]:
    fits = KINDS[settings.kind]
    shares = np.array([fit.share for fit in fits])
    which = random.choice(len(fits), size, p=shares / shares.sum())
    prompts = _drawn(random, [(fit.prompt, fit.prompt_range) for fit in fits], which)
    answers = _drawn(random, [(fit.answer, fit.answer_range) for fit in fits], which)
    return prompts, np.minimum(answers, settings.max_new_tokens)


def _drawn(
    random: np.random.Generator, fits: list[tuple[tuple[float, float], tuple[int, int]]], which: np.ndarray
) -> np.ndarray:
    means, sds, lows, highs = (np.array(each)[which] for each in zip(*((*a, *b) for a, b in fits), strict=True))
    drawn = np.rint(np.exp(means + sds * random.standard_normal(len(which))))
    tokens: np.ndarray = np.clip(drawn, lows, highs).astype(np.int64)
    return tokens
