"""The profiles that a scenario does not state, derived for every model, partition, class and mode it can be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf

from freesh_plugin.core.errors import ProfileError, ScenarioError
from freesh_plugin.core.profile import TokenProfile
from freesh_plugin.core.request import Partition
from models.capacity.derive import Derived, derive
from models.capacity.lengths import by_class
from models.capacity.service import Bounds
from models.domain.lengths import RequestLength
from models.domain.scenario import Mode, Scenario, ServiceLevel

WAY_SHARE = 0.5
"""Largest share of a TTFT or latency bound that is kept free for the way to a location."""

_SLACK = 1e-9

Key = tuple[str, str, str, str]
"""Model, partition, class and mode of a profile."""


@dataclass(frozen=True)
class Tokens:
    """What profiles are derived from: token-level profiles by (model, mode), and lengths by model."""

    profiles: Mapping[tuple[str, str], TokenProfile]
    lengths: Mapping[str, tuple[RequestLength, ...]]


def derive_missing(scenario: Scenario, tokens: Tokens) -> tuple[Derived, ...]:
    """Profiles that are not among the scenario's, wherever a model has a token profile of the mode.

    A model is derived under the partitions with known boundaries that `slo.csv` names for it.

    Raises:
        ScenarioError: a class without lengths, or a profile that was not measured far enough; names the row of
            `profiles.csv` that would do instead.
    """
    stated = {(each.model, each.partition, each.request_class, each.mode) for each in scenario.profiles}
    return tuple(
        derived
        for model in scenario.models
        for partition in _partitions(scenario, model)
        for derived in _of_partition(scenario, tokens, model, partition, stated)
    )


def _partitions(scenario: Scenario, model: str) -> Iterator[Partition]:
    named = {each.partition for each in scenario.slos if each.model == model}
    return (each for each in scenario.partitions if each.bounded and each.name in named)


def _of_partition(
    scenario: Scenario, tokens: Tokens, model: str, partition: Partition, stated: set[Key]
) -> Iterator[Derived]:
    modes = [each for each in scenario.modes if (model, each.name) in tokens.profiles]
    wanted = [
        (name, mode)
        for name in partition.classes
        for mode in modes
        if (model, partition.name, name, mode.name) not in stated
    ]
    lengths = by_class(tokens.lengths.get(model, ()), partition) if wanted else {}
    for name, mode in wanted:
        where = f"model {model!r}, partition {partition.name!r}, class {name!r}, mode {mode.name!r}"
        if name not in lengths:
            raise ScenarioError(
                f"lengths.csv: no request of model {model!r} falls into class {name!r} of partition"
                f" {partition.name!r}; add some, or state {where} in profiles.csv"
            )
        bounds = bounds_of(scenario, model, partition.name, name, mode)
        try:
            yield derive(
                tokens.profiles[model, mode.name], lengths[name], partition.name, name, mode, bounds, model=model
            )
        except ProfileError as error:
            raise ScenarioError(
                f"token_profiles.csv, {where}: {error}; measure further, or state the row in profiles.csv"
            ) from error


def bounds_of(scenario: Scenario, model: str, partition: str, request_class: str, mode: Mode) -> Bounds:
    """Tightest bounds over the tiers, less the longest way to a location with the mode's GPUs.

    Of a way that would take more than `WAY_SHARE` of a bound nothing is taken off: whoever is that far away is served
    by another mode, or from elsewhere.
    """
    levels = [
        each
        for each in scenario.slos
        if (each.model, each.partition, each.request_class) == (model, partition, request_class)
    ]
    ways_s = [
        rtt_s
        for location in scenario.locations
        if all(location.gpus.get(gpu_type, 0) >= gpus for gpu_type, gpus in mode.gpus.items())
        for origin, rtt_s in location.rtt_s.items()
        if location.allows(origin)
    ]
    return Bounds(
        latency_s=_less_way(_tightest(levels, "latency_s"), ways_s),
        ttft_s=_less_way(_tightest(levels, "ttft_s"), ways_s),
        tbt_s=_tightest(levels, "tbt_s"),
    )


def _tightest(levels: list[ServiceLevel], bound: str) -> float:
    return min((getattr(each, bound) for each in levels), default=inf)


def _less_way(bound_s: float, ways_s: list[float]) -> float:
    """The bound less the longest way that leaves enough of it; a hair less, so that the sum of both keeps the bound."""
    return bound_s * (1 - _SLACK) - max((each for each in ways_s if each <= WAY_SHARE * bound_s), default=0.0)
