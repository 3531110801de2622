"""Completions over HTTP: one prompt or several, whole and streamed."""

from collections.abc import Sequence

import msgspec
import pytest

from freesh_plugin.core.generation import FinishReason, GenerationEnd, GenerationEvent, GenerationRequest
from tests.fakes.engine import FakeEngine, answering
from tests.fakes.openai_talk import complete, events


def echoing(request: GenerationRequest) -> Sequence[GenerationEvent]:
    """Letters of the prompt, one a token."""
    return answering(*request.inputs, reason=FinishReason.EOS)(request)


def test_a_whole_completion_has_tgis_shape() -> None:
    response = complete(FakeEngine(echoing))
    body = response.json()
    assert body.pop("created") > 1_700_000_000
    assert body == {
        "object": "text_completion",
        "id": "",
        "model": "tiny",
        "system_fingerprint": "3.3.7-native",
        "choices": [{"index": 0, "text": "Hello", "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 6, "completion_tokens": 5, "total_tokens": 11},
    }


def test_several_prompts_are_answered_in_order_and_counted_together() -> None:
    response = complete(FakeEngine(echoing), prompt=["abc", "d"])
    body = response.json()
    assert [(choice["index"], choice["text"]) for choice in body["choices"]] == [(0, "abc"), (1, "d")]
    assert body["usage"] == {"prompt_tokens": 6, "completion_tokens": 4, "total_tokens": 10}
    assert response.headers["x-prompt-tokens"] == "6"
    assert response.headers["x-generated-tokens"] == "4"
    assert response.headers["x-compute-characters"] == "4"


def test_a_stream_tells_an_empty_reason_until_the_last_piece() -> None:
    chunks = events(complete(FakeEngine(echoing), prompt="ab", stream=True))
    assert [chunk["choices"] for chunk in chunks] == [
        [{"index": 0, "text": "a", "logprobs": None, "finish_reason": ""}],
        [{"index": 0, "text": "b", "logprobs": None, "finish_reason": "eos_token"}],
    ]
    assert "usage" not in chunks[0]
    assert chunks[1]["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}


def test_streams_of_several_prompts_mingle_and_each_stays_in_order() -> None:
    chunks = events(complete(FakeEngine(echoing, pause_s=0.001), prompt=["abc", "xyz"], stream=True))
    choices = [chunk["choices"][0] for chunk in chunks]
    assert ["".join(c["text"] for c in choices if c["index"] == i) for i in (0, 1)] == ["abc", "xyz"]
    assert {c["index"] for c in choices[:3]} == {0, 1}
    assert sum("usage" in chunk for chunk in chunks) == 2


def test_one_prompt_that_fails_leaves_the_others_streaming() -> None:
    chunks = events(complete(FakeEngine(echoing), prompt=["", "ok"], stream=True))
    faults = [chunk["error"] for chunk in chunks if "error" in chunk]
    assert [fault["type"] for fault in faults] == ["validation"]
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks if "choices" in chunk) == "ok"


def test_one_prompt_that_fails_fails_a_whole_answer() -> None:
    response = complete(FakeEngine(echoing), prompt=["ok", ""])
    assert (response.status_code, response.json()["error_type"]) == (422, "validation")


def test_a_suffix_is_refused() -> None:
    response = complete(suffix="!")
    assert response.status_code == 422
    assert response.json() == {
        "error": "Suffix is not supported and can be achieved by preprocessing the prompt.",
        "error_type": "suffix not supported",
    }


def test_more_prompts_than_a_client_may_send_are_refused() -> None:
    response = complete(prompt=["a"] * 5, stream=True)
    assert response.status_code == 422
    assert response.json() == {
        "error": "Number of prompts exceeds the maximum allowed batch size of 4",
        "error_type": "batch size exceeded",
    }


@pytest.mark.parametrize("prompt", [None, [], 3, [1, 2], [[1]]])
def test_prompts_of_another_shape_are_refused(prompt: object) -> None:
    assert complete(prompt=prompt).status_code == 422


def test_fields_reach_the_engine() -> None:
    engine = FakeEngine(echoing)
    complete(engine, max_tokens=7, temperature=0, seed=3, stop="x", model="lora", echo=True, best_of=2)
    [request] = engine.requests
    assert (request.max_new_tokens, request.stop_sequences, request.adapter_id) == (7, ("x",), "lora")
    assert (request.sampling.do_sample, request.sampling.seed, request.add_special_tokens) == (False, 3, True)
    assert not request.prefill_logprobs


def test_without_a_temperature_it_samples() -> None:
    engine = FakeEngine(echoing)
    complete(engine, temperature=None)
    assert engine.requests[0].sampling.do_sample


def test_energy_of_several_prompts_is_added_up_if_all_is_known() -> None:
    def known(end: GenerationEnd) -> GenerationEnd:
        return msgspec.structs.replace(end, energy_j=1.5, carbon_gco2e=0.25, carbon_kind="average")

    def half_known(request: GenerationRequest) -> Sequence[GenerationEvent]:
        return answering("a", end=known if request.inputs == "a" else lambda end: end)(request)

    both = complete(FakeEngine(answering("a", end=known)), prompt=["a", "b"])
    assert both.json()["usage"]["freesh"] == {"energy_j": 3.0, "carbon_gco2e": 0.5, "carbon_kind": "average"}
    assert both.headers["x-freesh-energy-j"] == "3.0"
    assert "freesh" not in complete(FakeEngine(half_known), prompt=["a", "b"]).json()["usage"]
    streamed = events(complete(FakeEngine(answering("a", end=known)), stream=True))
    assert streamed[-1]["usage"]["freesh"]["energy_j"] == 1.5
