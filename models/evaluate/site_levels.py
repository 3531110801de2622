"""Service levels of the evaluation's fleet, by the length of prompt and answer; the same whatever the partition."""

from collections.abc import Sequence
from statistics import fmean

from freesh_plugin.core.errors import ProfileError, ScenarioError
from freesh_plugin.core.profile import TokenProfile
from freesh_plugin.core.request import TWO_BY_TWO, Partition
from models.capacity import by_class
from models.domain.lengths import RequestLength
from models.domain.scenario import ServiceLevel

PROMPT_TOKENS = 1_024
"""A prompt of so many tokens is long. Stated, not fitted: about the median of the Azure conversation trace (1,020)."""

ANSWER_TOKENS = 444
"""An answer of so many tokens is long: the boundary of the FREESH authors' artefact."""

TTFT_SHORT_S, TTFT_LONG_S = 2.0, 4.0
"""Of short and of long prompts: the absolute tier of the evaluation, and twice it where the prompt must be read."""

TBT_S = 0.2
"""Mean time between a request's tokens: the absolute tier, about the pace of reading."""

LATENCY_FACTOR = 5.0
"""Latency may be so many times that of a lone request, mean over the modes (reference/freesh.md, the bounds)."""

SCORED = Partition("scored", TWO_BY_TWO, (PROMPT_TOKENS,), (ANSWER_TOKENS,))
"""The classes that service is scored by, with true lengths."""

Lengths = Sequence[RequestLength]


def levels_of(partition: Partition, lengths: Lengths, profiles: Sequence[TokenProfile]) -> tuple[ServiceLevel, ...]:
    """Bounds of each class of a partition that any length falls into.

    A class with any short prompt has the bound of TTFT of short ones. Latency: `LATENCY_FACTOR` times the lone latency
    of the class's longest tenth of answers, mean over the modes that hold its requests: a bound on the mean answer
    would be broken by the long ones at any speed.

    Raises:
        ScenarioError: no mode holds the requests of a class.
    """
    found = []
    for name, own in by_class(lengths, partition).items():
        shortest = min(each.prompt_tokens for each in own)
        found.append(
            ServiceLevel(
                partition.name,
                name,
                latency_s=round(LATENCY_FACTOR * _lone_latency_s(own, profiles), 1),
                ttft_s=TTFT_SHORT_S if shortest < PROMPT_TOKENS else TTFT_LONG_S,
                tbt_s=TBT_S,
            )
        )
    return tuple(found)


def _lone_latency_s(lengths: Lengths, profiles: Sequence[TokenProfile]) -> float:
    total = sum(each.weight for each in lengths)
    prompt = sum(each.prompt_tokens * each.weight for each in lengths) / total
    answer = _longest_tenth(lengths)
    holding = [
        each for each in profiles if prompt + answer <= each.limits.kv_tokens and _measured(each, prompt, answer)
    ]
    if not holding:
        most, longest = max(each.limits.kv_tokens for each in profiles), max(each.prompt_tokens for each in lengths)
        raise ScenarioError(
            f"no instance is profiled for requests of {prompt:.0f} prompt tokens (mean of their class, about "
            f"{longest:.0f} the longest) and {answer:.0f} answer tokens, and the largest has memory for {most:.0f} "
            "tokens; correct or leave out the longest requests"
        )
    return fmean(each.prefill_s(prompt) + (answer - 1) * each.decode_step_s(1, prompt + answer / 2) for each in holding)


def _longest_tenth(lengths: Lengths) -> float:
    """The 0.9 quantile of the answers."""
    left = 0.1 * sum(each.weight for each in lengths)
    for each in sorted(lengths, key=lambda one: -one.answer_tokens):
        left -= each.weight
        if left <= 0:
            return each.answer_tokens
    return max(each.answer_tokens for each in lengths)


def _measured(profile: TokenProfile, prompt: float, answer: float) -> bool:
    try:
        profile.decode_step_s(1, prompt + answer / 2)
    except ProfileError:
        return False
    return True
