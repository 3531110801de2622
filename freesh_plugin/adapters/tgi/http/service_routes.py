"""Routes that say how the server is: health, info, metrics."""

import msgspec

from freesh_plugin.adapters.tgi.http.errors import ApiError
from freesh_plugin.adapters.tgi.http.exchange import Call, Reply, json_reply
from freesh_plugin.adapters.tgi.http.front import Front
from freesh_plugin.adapters.tgi.http.routes import Operation, Route
from freesh_plugin.adapters.tgi.http.settings import TGI_VERSION

_METRICS_TYPE = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class Info(msgspec.Struct, frozen=True):
    """What serves, and its limits."""

    model_id: str
    model_sha: str | None
    model_pipeline_tag: str | None
    max_concurrent_requests: int
    max_best_of: int
    max_stop_sequences: int
    max_input_tokens: int
    max_total_tokens: int
    validation_workers: int
    max_client_batch_size: int
    router: str
    version: str
    sha: str | None
    docker_label: str | None


def routes(front: Front) -> list[Route]:
    """The routes, none of which asks for the API key."""

    async def health(call: Call) -> Reply:
        if await front.engine.health():
            return Reply()
        raise ApiError(503, "unhealthy", "healthcheck")

    async def info(call: Call) -> Reply:
        return json_reply(info_of(front))

    async def metrics(call: Call) -> Reply:
        return Reply(200, await metrics_text(front), [_METRICS_TYPE])

    paths = ["/", "/health", "/ping", *([front.settings.health_route] if front.settings.health_route else [])]
    return [
        *(Route("GET", path, health, _HEALTH) for path in paths),
        Route("GET", "/info", info, _INFO),
        Route("GET", "/metrics", metrics, _METRICS),
    ]


_HEALTH = Operation("Health: whether the shards answer", errors={503: "Text generation inference is down"})
_INFO = Operation("Served model and limits", response=Info)
_METRICS = Operation("Prometheus metrics", response=str)


def info_of(front: Front) -> Info:
    """What `/info` says."""
    settings, limits = front.settings, front.engine.info
    return Info(
        model_id=settings.model_id,
        model_sha=settings.model_sha,
        model_pipeline_tag=settings.model_pipeline_tag,
        max_concurrent_requests=settings.max_concurrent_requests,
        max_best_of=settings.max_best_of,
        max_stop_sequences=settings.max_stop_sequences,
        max_input_tokens=limits.max_input_tokens,
        max_total_tokens=limits.max_total_tokens,
        validation_workers=settings.validation_workers,
        max_client_batch_size=settings.max_client_batch_size,
        router="text-generation-router",
        version=TGI_VERSION,
        sha=None,
        docker_label=settings.docker_label,
    )


async def metrics_text(front: Front) -> bytes:
    """Metrics of requests, then the step loop's."""
    return front.metrics.text() + await front.engine.metrics()
