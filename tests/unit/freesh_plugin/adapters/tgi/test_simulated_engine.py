"""The simulated shard does what a real one does, call by call."""

import json
import math
import re
from dataclasses import fields
from typing import Any

import pytest

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.simulated.grammars import satisfying_text
from freesh_plugin.adapters.tgi.simulated.model import SimulatedModel
from freesh_plugin.adapters.tgi.simulated.refusal import Refusal
from freesh_plugin.adapters.tgi.simulated.vocabulary import EOS_ID, FIRST_BYTE_ID, VOCABULARY
from freesh_plugin.adapters.tgi.synthetic_batches import alive_batch, warmup_request
from freesh_plugin.core.errors import ConfigError
from tests.fakes.shard_requests import engine, ids_of, prefill, request, slots_of, to_the_end

PROMPT = VOCABULARY.encode("Tell me about the sea, please.", add_special_tokens=True)
N = len(PROMPT)


def answer(ids: list[int] = PROMPT, new_tokens: int = 2000, **fields: Any) -> list[messages.Generation]:
    shard = engine()
    slots = range(1, 1 + len(ids) + new_tokens)
    said = to_the_end(shard, prefill(shard, [request(3, ids, new_tokens, slots, **fields)]))
    assert shard.memory is not None
    assert shard.memory.slots_read == shard.batches == 0
    return said


def text_of(said: list[messages.Generation]) -> str:
    return "".join(generation.tokens.texts[0] for generation in said)


def test_an_answer_ends_by_itself_and_reads_like_text() -> None:
    said = answer()
    end = said[-1].generated_text
    assert (said[-1].tokens.ids[0], said[-1].tokens.is_special[0]) == (EOS_ID, True)
    assert end.finish_reason == messages.FINISH_REASON_EOS_TOKEN
    assert end.generated_tokens == len(said)
    assert end.text + "</s>" == text_of(said)
    assert not end.HasField("seed")
    assert re.fullmatch(r"[\w\s,.\U0001f600-\U0001f640]+", end.text)
    assert all(not generation.HasField("generated_text") for generation in said[:-1])


def test_every_id_counts() -> None:
    other = [*PROMPT[:2], PROMPT[2] + 1, *PROMPT[3:]]
    assert text_of(answer()) == text_of(answer())
    assert text_of(answer()) != text_of(answer(other))
    assert text_of(answer()) != text_of(answer(adapter_id="other"))


def test_lengths_differ_as_answers_do() -> None:
    lengths = sorted(len(answer([*PROMPT, FIRST_BYTE_ID + number])) for number in range(40))
    assert 4 <= lengths[0] < lengths[10] < 150 < lengths[-5] <= 2000


@pytest.mark.parametrize("new_tokens", [1, 2, 17])
def test_max_new_tokens_ends_it(new_tokens: int) -> None:
    said = answer(new_tokens=new_tokens)
    assert len(said) == said[-1].generated_text.generated_tokens == new_tokens
    assert said[-1].generated_text.finish_reason == messages.FINISH_REASON_LENGTH


def test_ignoring_the_end_of_sequence_goes_on() -> None:
    natural = len(answer())
    said = answer(new_tokens=natural + 20, stopping={"ignore_eos_token": True})
    assert len(said) == natural + 20
    assert EOS_ID not in {generation.tokens.ids[0] for generation in said}


def test_a_stop_sequence_ends_it_where_the_output_ends_with_it() -> None:
    words = text_of(answer()).split(" ")
    stop = " ".join(words[4:6])
    said = answer(stopping={"stop_sequences": ["never said", stop]})
    assert said[-1].generated_text.finish_reason == messages.FINISH_REASON_STOP_SEQUENCE
    assert said[-1].generated_text.text == " ".join(words[:6])


def test_characters_of_several_tokens_come_when_they_are_whole() -> None:
    for number in range(60):
        said = answer([*PROMPT, FIRST_BYTE_ID + number])
        texts = [generation.tokens.texts[0] for generation in said]
        if "" in texts:
            first = texts.index("")
            assert texts[first : first + 3] == ["", "", ""]
            assert 0x1F600 <= ord(texts[first + 3]) < 0x1F640
            cut = answer([*PROMPT, FIRST_BYTE_ID + number], new_tokens=first + 2)
            assert cut[-1].generated_text.text == ""  # as TGI: an unfinished character takes all the text with it
            return
    pytest.fail("no such character in any answer")


def test_sampling_depends_on_the_seed() -> None:
    def sampled(seed: int) -> list[messages.Generation]:
        return answer(sampling={"do_sample": True, "seed": seed})

    assert text_of(sampled(1)) == text_of(sampled(1)) != text_of(sampled(2))
    assert sampled(7)[-1].generated_text.seed == 7
    assert answer(sampling={"temperature": 0.5, "seed": 9})[-1].generated_text.seed == 9


def test_grammars_are_satisfied() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 6},
            "age": {"type": "integer", "minimum": 18},
            "tags": {"type": "array", "items": {"enum": ["é", "b"]}, "minItems": 2},
            "pick": {"anyOf": [{"$ref": "#/$functions/f"}]},
            "skipped": {"type": "null"},
        },
        "required": ["name", "age", "tags", "pick"],
        "$functions": {"f": {"type": "object", "properties": {"on": {"type": "boolean"}, "v": {"const": 1.5}}}},
    }
    sampling = {"grammar": json.dumps(schema), "grammar_type": messages.GRAMMAR_TYPE_JSON}
    end = answer(sampling=sampling)[-1].generated_text
    assert json.loads(end.text) == {
        "name": "wordss", "age": 18, "tags": ["é", "é"], "pick": {"on": True, "v": 1.5}
    }  # fmt: skip
    assert end.finish_reason == messages.FINISH_REASON_EOS_TOKEN
    date = {"grammar": r"\d{4}-[01][0-9]", "grammar_type": messages.GRAMMAR_TYPE_REGEX}
    assert answer(sampling=date)[-1].generated_text.text == "1111-00"


@pytest.mark.parametrize("pattern", [r"(yes|no)!?", r"[^abc]+@\w+\.(com|org)", r"^a{2,3}$", r".[a-z]?\s"])
def test_patterns_are_matched(pattern: str) -> None:
    assert re.fullmatch(pattern, satisfying_text(pattern, messages.GRAMMAR_TYPE_REGEX))


@pytest.mark.parametrize(
    ("grammar", "kind"), [("(", 2), (r"(a)\1", 2), ("{", 1), ('{"$ref": "#/nowhere"}', 1), ('{"$ref": "#"}', 1)]
)
def test_grammars_that_cannot_be_satisfied_are_refused(grammar: str, kind: int) -> None:
    with pytest.raises(Refusal, match="grammar"):
        satisfying_text(grammar, kind)


def test_details_of_the_prompt_and_rivals() -> None:
    said = answer(new_tokens=2, prefill_logprobs=True, top_n_tokens=3)
    details = said[0].prefill_tokens
    assert list(details.ids) == PROMPT
    assert "".join(details.texts) == "<s>Tell me about the sea, please."
    assert math.isnan(details.logprobs[0])
    assert all(logprob <= 0 for logprob in details.logprobs[1:])
    assert not said[1].HasField("prefill_tokens")
    for generation in said:
        (rivals,) = generation.top_tokens
        assert rivals.ids[0] == generation.tokens.ids[0]
        assert len(rivals.ids) == len(rivals.texts) == 3


def test_a_batch_is_there_until_all_have_ended() -> None:
    shard = engine()
    passed = prefill(shard, [request(1, PROMPT, 1, range(1, 50)), request(2, PROMPT, 3, range(50, 100))])
    assert passed.batch is not None
    assert list(passed.batch.request_ids) == [1, 2]
    assert shard.filter(1, [2]).size == 1
    assert shard.decode([1]).batch is not None
    assert shard.decode([1]).batch is None
    with pytest.raises(Refusal, match="batch 1: there is none"):
        shard.decode([1])


def test_batches_become_one() -> None:
    shard = engine()
    one = prefill(shard, [request(1, PROMPT, 9, range(1, 50))], batch_id=4)
    two = prefill(shard, [request(2, PROMPT, 9, range(50, 100))], batch_id=5)
    assert ids_of(one)[1] == ids_of(two)[2]
    both = shard.decode([4, 5])
    assert both.batch is not None
    assert (both.batch.id, list(both.batch.request_ids)) == (4, [1, 2])
    assert both.batch.max_tokens == 99
    three = prefill(shard, [request(3, PROMPT, 9, range(100, 150))], batch_id=6, cached=both.batch)
    assert three.batch is not None
    assert (three.batch.id, list(three.batch.request_ids), three.batch.current_tokens) == (4, [1, 2, 3], 3)
    assert (three.size, three.prefill_tokens, three.kv_tokens) == (3, N, 3 * N + 4)
    shard.clear(4)
    assert shard.batches == 0


def test_a_prompt_in_chunks_says_nothing_until_it_is_computed() -> None:
    shard = engine(max_prefill_tokens=4)
    whole = [generation.tokens.ids[0] for generation in answer()]
    passed = prefill(shard, [request(1, PROMPT, 9, range(1, 50), chunk_len=3)])
    assert (list(passed.generations), passed.size, passed.prefill_tokens) == ([], 0, 3)
    assert passed.batch is not None
    assert passed.batch.current_tokens == 4
    beside = prefill(shard, [request(2, PROMPT[:2], 9, range(60, 90))], batch_id=2, cached=passed.batch)
    assert set(ids_of(beside)) == {2}
    assert beside.batch is not None
    assert beside.batch.current_tokens == min(3, N - 7) + 1  # one token of the four is the other request's
    said = to_the_end(shard, beside)
    assert [g.tokens.ids[0] for g in said if g.request_id == 1] == whole[:9]


def test_all_forgets_all() -> None:
    shard = engine()
    for batch_id in (1, 2):
        prefill(shard, [request(batch_id, PROMPT, 9, range(50 * batch_id, 50 * batch_id + 50))], batch_id)
    shard.clear(77)
    assert shard.batches == 2
    shard.clear(None)
    assert shard.memory is not None
    assert shard.memory.slots_read == shard.batches == 0


def test_alive_runs_on_block_0() -> None:
    shard = engine()
    assert shard.prefill(messages.PrefillRequest(batch=alive_batch())).batch is None
    with pytest.raises(Refusal, match="block 0"):
        prefill(shard, [request(1, PROMPT, 1, range(30))])
    with pytest.raises(Refusal, match="alive has block 0"):
        prefill(shard, [request(2**64 - 1, PROMPT, 1, range(1, 30))])


def test_ranks_tell_each_their_share() -> None:
    shards = [engine(rank, 2) for rank in range(2)]
    requests = [
        request(request_id, PROMPT, 9, range(50 * request_id, 50 * request_id + 50)) for request_id in (2, 4, 7)
    ]
    one, two = (prefill(shard, requests) for shard in shards)
    assert (set(ids_of(one)), set(ids_of(two))) == ({2, 4}, {7})
    assert one.batch == two.batch
    padded = [engine(rank, 2, padded=True) for rank in range(2)]
    one, two = (prefill(shard, [request(i, PROMPT, 9) for i in (2, 4, 7)]) for shard in padded)
    assert (set(ids_of(one)), set(ids_of(two))) == ({2, 7}, {4})


def test_a_padded_model_has_no_blocks_and_ignores_what_it_does_not_know() -> None:
    shard = engine(padded=True)
    assert shard.info().requires_padding
    assert shard.memory is None
    first = prefill(shard, [request(1, PROMPT, 9)])
    assert first.batch is not None
    assert first.batch.max_tokens == N + 1 + 8
    second = prefill(shard, [request(2, PROMPT, 9)], batch_id=2, cached=first.batch)
    assert second.batch is not None
    assert list(second.batch.request_ids) == [2]  # the cached batch is neither joined nor gone
    assert set(ids_of(shard.decode([1, 2]))) == {1, 2}


def test_prompts_as_text() -> None:
    text = "The sea"
    shard = engine()
    ids = VOCABULARY.encode(text, add_special_tokens=True)
    fields: dict[str, Any] = {"add_special_tokens": True}
    by_ids = prefill(shard, [request(1, ids, 5, range(1, 20))])
    by_text = prefill(shard, [request(2, text, 5, range(20, 40), **fields)], batch_id=2)
    cut = prefill(shard, [request(3, f"And so {text}", 5, range(40, 60), truncate=len(ids), **fields)], batch_id=3)
    assert ids_of(by_ids)[1] == ids_of(by_text)[2]
    assert cut.kv_tokens == len(ids)


def test_warmup_tells_the_limits() -> None:
    shard = engine(max_total_tokens=4000)
    said = shard.warmup(warmup_request(100))
    assert (said.max_supported_total_tokens, said.max_input_tokens, said.max_total_tokens) == (6400, 3999, 4000)
    said = shard.warmup(warmup_request(100, 60, 80))
    assert (said.max_input_tokens, said.max_total_tokens) == (60, 80)
    assert not engine(padded=True).warmup(warmup_request(100)).HasField("max_supported_total_tokens")
    with pytest.raises(Refusal, match="not enough memory for 7000 prefill tokens"):
        shard.warmup(warmup_request(7000))


@pytest.mark.parametrize(
    ("model", "message"),
    [({"attention": "none"}, "attention"), ({"speed": 0}, "speed"), ({"memory_tokens": 1}, "at least two blocks")],
)
def test_models_that_tgi_could_not_have_are_refused(model: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SimulatedModel(**model)
    assert {"attention", "speed", "memory_tokens"} <= {field.name for field in fields(SimulatedModel)}


def test_info_says_what_the_engine_supports() -> None:
    flash = engine(attention="flashdecoding").info()
    assert (flash.block_size, flash.use_prefix_caching, flash.support_chunking) == (256, True, True)
    paged = engine(attention="paged").info()
    assert (paged.block_size, paged.use_prefix_caching, paged.support_chunking) == (16, False, False)
    blocks = [3, 1]
    shard = engine(attention="paged")
    passed = prefill(shard, [request(1, PROMPT, 9, slots_of(blocks, 16)[: N + 8], blocks=blocks)])
    assert set(ids_of(passed)) == {1}
