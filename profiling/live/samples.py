"""Which metrics make a row, and rows from samples: the same for a router's own text and for a Prometheus server."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from profiling.live.counted_row import Counted, CountedRow

LOCATION, MODEL = "location", "model"


@dataclass(frozen=True)
class Sample:
    """One sample of a metric."""

    metric: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class _Wanted:
    """Where a column comes from: a metric, those of its labels that must be so, and how its samples become one."""

    metric: str
    labels: Mapping[str, str]
    of: Callable[[Iterable[float]], float] = sum


_PREFILL, _DECODE = {"method": "prefill"}, {"method": "decode"}
WANTED = {
    "energy_j": _Wanted("freesh_energy_joules_total", {}),
    "requests": _Wanted("tgi_request_generated_tokens_count", {}),
    "prompt_tokens": _Wanted("tgi_request_input_length_sum", {}),
    "answer_tokens": _Wanted("tgi_request_generated_tokens_sum", {}),
    "prefill_passes": _Wanted("tgi_batch_inference_success", _PREFILL),
    "joined_passes": _Wanted("tgi_batch_concat", {"reason": "chunking"}),
    "decode_passes": _Wanted("tgi_batch_inference_success", _DECODE),
    "prefill_s": _Wanted("tgi_batch_inference_duration_sum", _PREFILL),
    "decode_s": _Wanted("tgi_batch_inference_duration_sum", _DECODE),
    "deadline_misses": _Wanted("freesh_deadline_misses_total", {}),
    "sm_clock_mhz": _Wanted("freesh_sm_clock_mhz", {}, min),
}
NAMED_BY = "freesh_requests_total"
"""Its labels name the model; those of the energy name the location, or these."""

METRICS = tuple(dict.fromkeys([*(each.metric for each in WANTED.values()), NAMED_BY]))
"""All that are asked for."""


def row_of(at_s: float, router: str, samples: Iterable[Sample]) -> CountedRow:
    """The row that a router's samples of one moment make."""
    known = list(samples)
    counted = Counted(**{name: _value(wanted, known) for name, wanted in WANTED.items()})
    energy = WANTED["energy_j"].metric
    location = _label(known, (energy, NAMED_BY), LOCATION) or "default"
    return CountedRow(at_s, router, location, _label(known, (NAMED_BY,), MODEL) or "default", counted)


def _value(wanted: _Wanted, samples: Iterable[Sample]) -> float | None:
    own = [
        each.value
        for each in samples
        if each.metric == wanted.metric and all(each.labels.get(name) == text for name, text in wanted.labels.items())
    ]
    return wanted.of(own) if own else None


def _label(samples: Iterable[Sample], metrics: Iterable[str], name: str) -> str:
    found = {each.metric: each.labels[name] for each in samples if each.labels.get(name)}
    return next((found[metric] for metric in metrics if metric in found), "")
