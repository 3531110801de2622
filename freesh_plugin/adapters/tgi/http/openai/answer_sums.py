"""Several answers to one request counted together."""

from collections.abc import Sequence
from dataclasses import astuple

import msgspec

from freesh_plugin.adapters.tgi.http.timings import Timings
from freesh_plugin.core.generation import GenerationEnd


def sum_timings(parts: Sequence[Timings]) -> Timings:
    """Times of all answers, added up as TGI does."""
    return Timings(*(sum(column) for column in zip(*map(astuple, parts), strict=True)))


def sum_ends(ends: Sequence[GenerationEnd]) -> GenerationEnd:
    """The last end with the tokens, energy and carbon of all; what is not known of one is not known of all."""
    return msgspec.structs.replace(
        ends[-1],
        generated_tokens=sum(end.generated_tokens for end in ends),
        energy_j=_sum([end.energy_j for end in ends]),
        carbon_gco2e=_sum([end.carbon_gco2e for end in ends]),
    )


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
