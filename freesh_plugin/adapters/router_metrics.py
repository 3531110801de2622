"""What the step loop counts and measures, under TGI's names and FREESH's."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from freesh_plugin.adapters.gpu_metrics import GpuMetrics
from freesh_plugin.adapters.plain_counter import PlainCounter

DURATION_BUCKETS = tuple(0.0001 * 1.5**k for k in range(1, 36))
"""TGI's buckets of seconds."""

_BATCH_BUCKETS = tuple(float(2**k) for k in range(11))


class RouterMetrics:
    """The step loop's metrics, in a registry of their own."""

    def __init__(self) -> None:
        """All start at zero."""
        registry = self._registry = CollectorRegistry(auto_describe=True)
        method = ("method",)
        self.queue_size = Gauge("tgi_queue_size", "Requests that wait.", registry=registry)
        self.batch_size = Gauge("tgi_batch_current_size", "Requests in the batch.", registry=registry)
        self.batch_tokens = Gauge("tgi_batch_current_max_tokens", "Most tokens of the batch.", registry=registry)
        self.batch_limit = Gauge("tgi_batch_max_total_tokens", "Tokens that memory holds.", registry=registry)
        self.next_size = Histogram(
            "tgi_batch_next_size", "Requests that join together.", registry=registry, buckets=_BATCH_BUCKETS
        )
        self.concat = PlainCounter("tgi_batch_concat", "Batches joined.", ("reason",), registry=registry)
        self.steps = PlainCounter("tgi_batch_inference_count", "Calls of shards.", method, registry=registry)
        self.step_successes = PlainCounter("tgi_batch_inference_success", "That succeeded.", method, registry=registry)
        self.step_failures = PlainCounter("tgi_batch_inference_failure", "That failed.", method, registry=registry)
        self.step_s = _seconds("tgi_batch_inference_duration", "Seconds of a call.", registry)
        self.forward_s = _seconds("tgi_batch_forward_duration", "Seconds of a forward pass.", registry)
        self.decode_s = _seconds("tgi_batch_decode_duration", "Seconds of decoding tokens.", registry)
        self.filter_s = _seconds("tgi_batch_filter_duration", "Seconds of taking requests out.", registry)
        self.concat_s = _seconds("tgi_batch_concat_duration", "Seconds of joining batches.", registry)
        self.between_s = Histogram(
            "freesh_router_step_seconds",
            "From the end of one call of the shards to the start of the next.",
            registry=registry,
            buckets=DURATION_BUCKETS,
        )
        where = ("location", "origin", "model", "tier")
        self.arrivals = Counter(
            "freesh_arrivals", "Offered load.", (*where, "prompt_cell", "predicted_answer_cell"), registry=registry
        )
        self.requests = Counter(
            "freesh_requests", "Answers, by true length.", (*where, "prompt_cell", "answer_cell"), registry=registry
        )
        self.deadline_misses = Counter(
            "freesh_deadline_misses",
            "Answers that ended after their deadline.",
            ("request_class", "tier"),
            registry=registry,
        )
        self.preemptions = Counter("freesh_preemptions", "Requests that left the batch.", ("kept",), registry=registry)
        self.refusals = Counter("freesh_refusals", "Requests refused.", ("reason",), registry=registry)
        self.losses = Counter("freesh_batch_losses", "Batches lost by an error of a shard.", registry=registry)
        self.exact_ids = Gauge("freesh_exact_ids", "Whether shards take exact token ids.", registry=registry)
        self.scheduler_faults = Counter(
            "freesh_scheduler_faults",
            "Times the scheduler raised; it goes on first come, first served.",
            registry=registry,
        )
        self.gpu = GpuMetrics(registry)

    def text(self) -> bytes:
        """All of them in Prometheus's text format."""
        return generate_latest(self._registry)


def _seconds(name: str, help: str, registry: CollectorRegistry) -> Histogram:
    return Histogram(name, help, ("method",), registry=registry, buckets=DURATION_BUCKETS)
