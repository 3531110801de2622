"""Metrics of requests under TGI's names."""

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from freesh_plugin.adapters.plain_counter import PlainCounter
from freesh_plugin.adapters.tgi.http.timings import Timings
from freesh_plugin.core.generation import EngineInfo

_DURATION_BUCKETS_S = tuple(0.0001 * 1.5**k for k in range(1, 36))
_PARTS = 100


class FrontMetrics:
    """Counts requests from their arrival to their end; used by one event loop alone."""

    def __init__(self, info: EngineInfo) -> None:
        """Lay the buckets of token counts over this model's limits."""
        self._registry = CollectorRegistry()
        self._requests = PlainCounter("tgi_request_count", "Total number of requests", registry=self._registry)
        self._successes = PlainCounter("tgi_request_success", "Number of successful requests", registry=self._registry)
        self._failures = PlainCounter(
            "tgi_request_failure", "Number of failed requests", ("err",), registry=self._registry
        )
        self._durations = [
            self._histogram(f"tgi_request_{name}", help_, _DURATION_BUCKETS_S)
            for name, help_ in (
                ("duration", "Total time spent processing the request, in seconds"),
                ("validation_duration", "Time spent validating the request, in seconds"),
                ("queue_duration", "Time spent in the queue per request, in seconds"),
                ("inference_duration", "Request inference duration, in seconds"),
                ("mean_time_per_token_duration", "Mean time per token per request, in seconds"),
            )
        ]
        total = tuple(info.max_total_tokens / _PARTS * k for k in range(1, _PARTS + 1))
        prompt = tuple(info.max_input_tokens / _PARTS * k for k in range(1, _PARTS + 1))
        self._input = self._histogram("tgi_request_input_length", "Input token length per request", prompt)
        self._wanted = self._histogram("tgi_request_max_new_tokens", "Maximum new tokens per request", total)
        self._generated = self._histogram("tgi_request_generated_tokens", "Generated tokens per request", total)
        guesses = tuple(float(n) for n in range(info.speculate + 1))
        self._skipped = self._histogram("tgi_request_skipped_tokens", "Speculated tokens per request", guesses)

    def arrived(self) -> None:
        """A request came."""
        self._requests.inc()

    def accepted(self, input_tokens: int, max_new_tokens: int) -> None:
        """An order was found valid."""
        self._input.observe(input_tokens)
        self._wanted.observe(max_new_tokens)

    def succeeded(self, timings: Timings, generated_tokens: int) -> None:
        """An answer is whole."""
        self._successes.inc()
        seconds = (
            timings.total_s,
            timings.validation_s,
            timings.queue_s,
            timings.inference_s,
            timings.per_token_s,
        )
        for histogram, value in zip(self._durations, seconds, strict=True):
            histogram.observe(value)
        self._generated.observe(generated_tokens)

    def failed(self, error: str) -> None:
        """A request failed; `error` is one of a few words."""
        self._failures.labels(error).inc()

    def skipped(self, tokens: int) -> None:
        """That many tokens came for free in one step, by speculation."""
        self._skipped.observe(tokens)

    def text(self) -> bytes:
        """All of them in Prometheus's text format."""
        return generate_latest(self._registry)

    def _histogram(self, name: str, help_: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, help_, buckets=buckets, registry=self._registry)
