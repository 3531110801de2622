"""Where the time of an answer went, and the headers that say so."""

from dataclasses import dataclass

from freesh_plugin.adapters.tgi.http.exchange import Headers
from freesh_plugin.core.generation import GenerationEnd, GenerationRequest


@dataclass(frozen=True, slots=True)
class Timings:
    """Parts of an answer's time, in seconds."""

    total_s: float
    validation_s: float
    queue_s: float
    inference_s: float
    per_token_s: float

    @classmethod
    def of(cls, request: GenerationRequest, end: GenerationEnd, now_s: float) -> "Timings":
        """Parts of the time from arrival to now, none below zero: the step loop's clock may differ by its grain."""
        queued_s = end.queued_s or request.arrival_s
        started_s = end.started_s or queued_s
        inference_s = max(0.0, now_s - started_s)
        return cls(
            total_s=max(0.0, now_s - request.arrival_s),
            validation_s=max(0.0, queued_s - request.arrival_s),
            queue_s=max(0.0, started_s - queued_s),
            inference_s=inference_s,
            per_token_s=inference_s / max(1, end.generated_tokens),
        )

    def headers(self) -> Headers:
        """TGI's headers of times: `x-compute-time` in seconds, the others in whole milliseconds."""
        return [
            (b"x-compute-time", repr(self.total_s).encode()),
            (b"x-total-time", _ms(self.total_s)),
            (b"x-validation-time", _ms(self.validation_s)),
            (b"x-queue-time", _ms(self.queue_s)),
            (b"x-inference-time", _ms(self.inference_s)),
            (b"x-time-per-token", _ms(self.per_token_s)),
        ]


def answer_headers(
    compute_type: str, characters: int, timings: Timings, prompt_tokens: int, end: GenerationEnd
) -> Headers:
    """Headers of a whole answer: times, counts, and energy and carbon where they are known."""
    headers = [
        (b"x-compute-type", compute_type.encode("latin-1", "replace")),
        (b"x-compute-characters", str(characters).encode()),
        *timings.headers(),
        (b"x-prompt-tokens", str(prompt_tokens).encode()),
        (b"x-generated-tokens", str(end.generated_tokens).encode()),
    ]
    if end.energy_j is not None:
        headers.append((b"x-freesh-energy-j", repr(end.energy_j).encode()))
    if end.carbon_gco2e is not None:
        headers.append((b"x-freesh-carbon-gco2e", repr(end.carbon_gco2e).encode()))
    return headers


def stream_headers(compute_type: str, characters: int) -> Headers:
    """Headers of a stream: they are sent before anything is known."""
    return [
        (b"x-compute-type", compute_type.encode("latin-1", "replace")),
        (b"x-compute-characters", str(characters).encode()),
        (b"x-accel-buffering", b"no"),
    ]


def _ms(seconds: float) -> bytes:
    return str(int(seconds * 1000)).encode()
