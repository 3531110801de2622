"""Lengths of requests sorted into the classes of a partition, many lengths merged into fewer."""

from collections.abc import Iterable
from math import log

from freesh_plugin.core.request import Partition
from models.domain.lengths import RequestLength

MOST_LENGTHS = 144
"""Different lengths of a class that are reckoned with; more are merged on a logarithmic grid, means kept."""

_SIDE = 12


def by_class(lengths: Iterable[RequestLength], partition: Partition) -> dict[str, tuple[RequestLength, ...]]:
    """Lengths of each class of a partition with known boundaries; no entry for a class that has none.

    Raises:
        ScenarioError: a boundary of the partition is unknown.
    """
    classes: dict[str, list[RequestLength]] = {}
    for each in lengths:
        if each.weight > 0:
            classes.setdefault(partition.classify(each.prompt_tokens, each.answer_tokens), []).append(each)
    return {name: merged(own) for name, own in classes.items()}


def merged(lengths: list[RequestLength]) -> tuple[RequestLength, ...]:
    """The lengths, or where there are too many the means over the cells of a grid even in their logarithms."""
    if len(lengths) <= MOST_LENGTHS:
        return tuple(lengths)
    prompt = _columns([each.prompt_tokens for each in lengths])
    answer = _columns([each.answer_tokens for each in lengths])
    cells: dict[tuple[int, int], list[RequestLength]] = {}
    for cell, each in zip(zip(prompt, answer, strict=True), lengths, strict=True):
        cells.setdefault(cell, []).append(each)
    return tuple(_mean(own) for own in cells.values())


def _columns(tokens: list[float]) -> list[int]:
    """Column of each length in a grid that is even between the logarithms of the least and the most."""
    low, high = log(min(tokens)), log(max(tokens))
    width = (high - low) / _SIDE or 1.0
    return [min(int((log(each) - low) / width), _SIDE - 1) for each in tokens]


def _mean(lengths: list[RequestLength]) -> RequestLength:
    weight = sum(each.weight for each in lengths)
    prompt = sum(each.weight * each.prompt_tokens for each in lengths) / weight
    answer = sum(each.weight * each.answer_tokens for each in lengths) / weight
    return RequestLength(prompt, answer, weight, lengths[0].model)
