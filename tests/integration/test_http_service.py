"""Routes that say how the front is, and what browsers and readers of its documentation get."""

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest
from prometheus_client.parser import text_string_to_metric_families

from freesh_plugin.adapters.tgi.http.surface import metrics_app
from tests.fakes.engine import FakeEngine, answering
from tests.fakes.http_front import on_loop, served


@on_loop
async def test_health_follows_the_engine() -> None:
    engine = FakeEngine()
    async with served(engine, health_route="/alive") as s:
        for path in ("/", "/health", "/ping", "/alive"):
            engine.healthy = True
            healthy = await s.client.get(path)
            assert (healthy.status_code, healthy.content) == (200, b"")
            engine.healthy = False
            ill = await s.client.get(path)
            assert (ill.status_code, ill.json()) == (503, {"error": "unhealthy", "error_type": "healthcheck"})
            assert (await s.client.head(path)).status_code == 503


@on_loop
async def test_info_tells_model_and_limits() -> None:
    async with served(model_sha="abc", docker_label="sha-1", max_concurrent_requests=7) as s:
        info = (await s.client.get("/info")).json()
    assert info == {
        "model_id": "tiny",
        "model_sha": "abc",
        "model_pipeline_tag": None,
        "max_concurrent_requests": 7,
        "max_best_of": 2,
        "max_stop_sequences": 4,
        "max_input_tokens": 100,
        "max_total_tokens": 200,
        "validation_workers": 2,
        "max_client_batch_size": 4,
        "router": "text-generation-router",
        "version": "3.3.7",
        "sha": None,
        "docker_label": "sha-1",
    }


@on_loop
async def test_metrics_count_requests_under_tgis_names_and_add_the_engines() -> None:
    async with served(FakeEngine(answering("a", "b"))) as s:
        await s.client.post("/generate", json={"inputs": "hi"})
        await s.client.post("/generate_stream", json={"inputs": "hi"})
        await s.client.post("/generate", json={"inputs": ""})
        response = await s.client.get("/metrics")
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    samples = {
        (sample.name, sample.labels.get("err")): sample.value
        for family in families.values()
        for sample in family.samples
        if "le" not in sample.labels
    }
    assert samples["tgi_request_count", None] == 3
    assert samples["tgi_request_success", None] == 2
    assert samples["tgi_request_failure", "validation"] == 1
    assert samples["tgi_request_generated_tokens_sum", None] == 4
    assert samples["tgi_request_input_length_count", None] == 2
    assert samples["tgi_request_duration_count", None] == 2
    assert samples["tgi_request_mean_time_per_token_duration_count", None] == 2
    assert samples["tgi_queue_size", None] == 0
    buckets = [sample.labels["le"] for sample in families["tgi_request_duration"].samples if "le" in sample.labels]
    assert float(buckets[0]) == pytest.approx(0.00015)
    assert len(buckets) == 36


@on_loop
async def test_the_second_port_serves_metrics_alone() -> None:
    async with served() as s:
        transport = httpx.ASGITransport(metrics_app(s.front))
        async with httpx.AsyncClient(base_url="http://metrics", transport=transport) as client:
            assert "tgi_request_count 0" in (await client.get("/metrics")).text
            assert (await client.post("/generate", json={"inputs": "hi"})).status_code == 404


@on_loop
async def test_browsers_may_call_from_anywhere_or_from_the_given_origins() -> None:
    page = {"origin": "https://page.example"}
    async with served() as s:
        preflight = await s.client.options("/generate", headers=page)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert preflight.headers["access-control-allow-methods"] == "GET,POST"
        assert preflight.headers["access-control-allow-headers"] == "content-type,authorization"
        assert (await s.client.get("/info", headers=page)).headers["access-control-allow-origin"] == "*"
        refused = await s.client.post("/generate", json={"inputs": ""}, headers=page)
        assert refused.headers["access-control-allow-origin"] == "*"
    async with served(cors_allow_origin=("https://page.example",)) as s:
        allowed = await s.client.get("/info", headers=page)
        assert allowed.headers["access-control-allow-origin"] == "https://page.example"
        other = await s.client.get("/info", headers={"origin": "https://other.example"})
        assert "access-control-allow-origin" not in other.headers


@on_loop
async def test_heads_have_no_body() -> None:
    async with served() as s:
        head = await s.client.head("/info")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == (await s.client.get("/info")).headers["content-length"]


@on_loop
async def test_the_document_names_every_route_and_type() -> None:
    async with served(api_key="secret") as s:
        document = (await s.client.get("/api-doc/openapi.json")).json()
        page = await s.client.get("/docs")
    served_paths = {
        "/", "/generate", "/generate_stream", "/tokenize", "/v1/chat/completions", "/v1/completions", "/v1/models",
        "/chat_tokenize", "/invocations", "/vertex", "/health", "/ping", "/info", "/metrics", "/docs",
        "/api-doc/openapi.json",
    }  # fmt: skip
    assert set(document["paths"]) == served_paths
    assert document["paths"]["/generate"]["post"]["security"] == [{"api_key": []}]
    assert "security" not in document["paths"]["/info"]["get"]
    schema = {**document, "$ref": "#/components/schemas/GenerateRequest"}
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({"inputs": "a", "parameters": {"top_k": 1, "grammar": {"type": "regex", "value": "a"}}})
    assert not validator.is_valid({"inputs": "a", "parameters": {"max_new_tokens": -1}})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for path in served_paths:
        assert f'<code class="path">{path}</code>' in page.text
    assert "<script" not in page.text
    assert "https://" not in page.text
