"""Orders and the requests that come of them: whatever passes is within the limits, rounded as shards see it."""

import asyncio
import itertools
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.adapters.tgi.http.errors import ApiError
from freesh_plugin.adapters.tgi.http.generate_types import GenerateParameters
from freesh_plugin.adapters.tgi.http.settings import RouterSettings
from freesh_plugin.adapters.tgi.http.tokenizer import Tokenizer
from freesh_plugin.adapters.tgi.http.validation import Order, Validator
from freesh_plugin.core.generation import GenerationRequest, ServiceWish
from tests.fakes.engine import INFO
from tests.fakes.http_front import byte_tokenizer

VALIDATOR = Validator(RouterSettings(model_id="tiny"), INFO, Tokenizer(byte_tokenizer()))

NUMBERS = st.none() | st.floats(allow_nan=False) | st.floats(0.01, 2)
COUNTS = st.none() | st.integers(0, 250)
PARAMETERS = st.builds(
    GenerateParameters,
    temperature=NUMBERS,
    repetition_penalty=NUMBERS,
    frequency_penalty=NUMBERS,
    top_p=NUMBERS,
    typical_p=NUMBERS,
    top_k=st.none() | st.integers(-1, 5),
    max_new_tokens=COUNTS,
    truncate=COUNTS,
    top_n_tokens=st.none() | st.integers(0, 7),
    stop=st.lists(st.text(max_size=2), max_size=5),
)


def request_of(inputs: str, **parameters: Any) -> GenerationRequest:
    order = Order(inputs, GenerateParameters(**parameters), 0.0, ServiceWish())
    return asyncio.run(VALIDATOR.request(order))


@given(st.text(max_size=120), PARAMETERS, st.booleans())
def test_whatever_passes_is_within_the_limits(inputs: str, parameters: GenerateParameters, special: bool) -> None:
    order = Order(inputs, parameters, 0.0, ServiceWish(), add_special_tokens=special)
    try:
        request = asyncio.run(VALIDATOR.request(order))
    except ApiError:
        return
    assert len(request.prompt_ids) <= min(request.truncate, INFO.max_input_tokens)
    assert 0 < request.max_new_tokens <= INFO.max_total_tokens - len(request.prompt_ids)
    sampling = request.sampling
    assert sampling.temperature > 0
    assert sampling.repetition_penalty > 0
    assert -2 <= sampling.frequency_penalty <= 2
    assert 0 < sampling.top_p <= 1
    assert 0 < sampling.typical_p <= 1
    assert sampling.top_k >= 0
    assert request.top_n_tokens <= 5
    assert len(request.stop_sequences) <= 4


def test_numbers_are_those_of_32_bits() -> None:
    sampling = request_of("hi", temperature=0.1, top_p=0.9).sampling
    assert sampling.temperature == struct.unpack("f", struct.pack("f", 0.1))[0] != 0.1
    assert request_of("hi", temperature=1e300).sampling.temperature == float("inf")
    with pytest.raises(ApiError, match="`top_p` must be > 0"):
        request_of("hi", top_p=1 - 1e-12)  # 1 in 32 bits


def test_a_wish_beyond_the_room_is_cut_to_it_only_from_1024_tokens_on() -> None:
    roomy = Validator(
        RouterSettings(model_id="tiny"),
        msgspec.structs.replace(INFO, max_total_tokens=2_000),
        Tokenizer(byte_tokenizer()),
    )
    order = Order("hi", GenerateParameters(max_new_tokens=100_000), 0.0, ServiceWish())
    assert asyncio.run(roomy.request(order)).max_new_tokens == 1_997
    with pytest.raises(ApiError, match="Given: 3 `inputs` tokens and 198 `max_new_tokens`"):
        request_of("hi", max_new_tokens=198)


def test_seeds_are_drawn_and_ids_never_repeat() -> None:
    requests = [request_of("hi") for _ in range(5)]
    assert len({request.sampling.seed for request in requests}) == 5
    assert all(one.request_id < other.request_id for one, other in itertools.pairwise(requests))
    assert not requests[0].sampling.seed_given
    assert request_of("hi", seed=0).sampling.seed_given
