"""What the simulated shard refuses: whatever would make a real one wrong, in silence or with a crash."""

from collections.abc import Callable
from typing import Any

import pytest

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.simulated.engine import Engine
from freesh_plugin.adapters.tgi.simulated.model import SimulatedModel
from freesh_plugin.adapters.tgi.simulated.refusal import Refusal
from freesh_plugin.adapters.tgi.simulated.vocabulary import VOCABULARY
from tests.fakes.shard_requests import engine, ids_of, prefill, read_ids, request, slots_of, to_the_end

PROMPT = VOCABULARY.encode("Tell me about the sea, please.", add_special_tokens=True)
N = len(PROMPT)


def begun(shard: Engine, passes: int) -> list[int]:
    """Ids of request 1 after some passes; it has slots from 1 on, and stays in batch 1."""
    ids = [*PROMPT, ids_of(prefill(shard, [request(1, PROMPT, 50, range(1, 100))]))[1]]
    for _ in range(passes - 1):
        ids.append(ids_of(shard.decode([1]))[1])
    return ids


def refused(shard: Engine, wanted: messages.Request, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        prefill(shard, [wanted], batch_id=9)
    assert shard.batches == 0
    assert shard.memory is None or shard.memory.slots_read == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"slots": range(1, N + 4)}, f"{N + 3} slots, {N + 4} needed"),
        ({"slots": range(6390, 6400 + N)}, "block 6400 is not between 1 and 6399"),
        ({"slots": [5, *range(5, N + 9)]}, "a block is named twice"),
        ({"slots": range(1, N + 9), "blocks": range(2, N + 10)}, "the slots are not those of its blocks"),
        ({"slots": [*range(2, N + 9), 1], "blocks": range(1, N + 9)}, "the slots are not those of its blocks"),
        ({"slots": range(1, N + 9), "cache_len": N}, f"cache_len is {N} of {N} prompt tokens"),
        ({"slots": range(1, N + 9), "cache_len": 3}, "slot 1 holds nothing, not the request's position 0"),
        ({"slots": range(1, N + 9), "chunk_len": 0}, "chunk_len is 0"),
        ({"slots": range(1, N + 9), "chunk_len": N + 1}, f"chunk_len is {N + 1}, {N} tokens are left"),
        ({"slots": range(1, N + 9), "sampling": {"grammar": "(", "grammar_type": 2}}, "grammar"),
    ],
)
def test_malformed_requests(fields: dict[str, Any], message: str) -> None:
    refused(engine(), request(1, PROMPT, 5, **fields), message)


def test_ids_that_are_none() -> None:
    refused(engine(), request(1, [1, VOCABULARY.size], 5, range(1, 20)), f"{VOCABULARY.size} are known")
    refused(engine(), request(1, "", 5, range(1, 20)), "the prompt is empty")
    two = request(1, PROMPT, 5, range(1, 20))
    two.input_chunks.chunks.add(text="more")
    refused(engine(), two, "2 text chunks")


def test_what_the_attention_cannot_do() -> None:
    blocks = [1, 2]
    fields = {"slots": slots_of(blocks, 16), "blocks": blocks}
    refused(engine(attention="paged"), request(1, PROMPT, 5, cache_len=2, **fields), "reads no prefixes")
    refused(engine(attention="paged"), request(1, PROMPT, 5, chunk_len=2, **fields), "there is no chunking")


def test_nothing_before_the_warm_up() -> None:
    refused(Engine(SimulatedModel(), 0, 1, read_ids), request(1, PROMPT, 5, range(1, 20)), "before the warm-up")


def test_batches_that_make_no_sense() -> None:
    shard = engine()
    one, same = (request(1, PROMPT, 5, range(start, start + 50)) for start in (1, 60))
    with pytest.raises(Refusal, match="a request is in it twice"):
        prefill(shard, [one, same])
    with pytest.raises(Refusal, match="size is 0"):
        prefill(shard, [])
    with pytest.raises(Refusal, match="no batch to decode"):
        shard.decode([])
    prefill(shard, [one])
    with pytest.raises(Refusal, match="there is one of this id"):
        prefill(shard, [request(2, PROMPT, 5, range(60, 90))])
    assert shard.batches == 1


def test_an_unknown_batch_takes_the_others_with_it() -> None:
    shard = engine()
    begun(shard, 1)
    with pytest.raises(Refusal, match="batch 7: there is none"):
        shard.decode([1, 7])
    assert shard.batches == 0
    assert shard.memory is not None
    assert shard.memory.slots_read == 0


@pytest.mark.parametrize(("keep", "message"), [([], "at least one"), ([2, 1], "in its order"), ([3], "in its order")])
def test_a_filter_must_keep_some_in_order(keep: list[int], message: str) -> None:
    shard = engine()
    prefill(shard, [request(1, PROMPT, 5, range(1, 50)), request(2, PROMPT, 5, range(50, 100))])
    with pytest.raises(Refusal, match=message):
        shard.filter(1, keep)
    assert shard.batches == 0


def test_a_request_that_has_ended_is_filtered_out_first() -> None:
    shard = engine()
    prefill(shard, [request(1, PROMPT, 1, range(1, 50)), request(2, PROMPT, 5, range(50, 100))])
    with pytest.raises(Refusal, match="request 1: has ended"):
        shard.decode([1])


def test_kept_state_goes_on_as_if_nothing_had_been() -> None:
    undisturbed, shard = engine(), engine()
    whole = [
        g.tokens.ids[0] for g in to_the_end(undisturbed, prefill(undisturbed, [request(1, PROMPT, 30, range(1, 99))]))
    ]
    ids = begun(shard, 8)
    shard.clear(1)
    passed = prefill(shard, [request(1, ids, 22, range(1, 100), cache_len=len(ids) - 1)], batch_id=2)
    assert (passed.prefill_tokens, passed.kv_tokens) == (1, len(ids))
    assert ids[N:] + [g.tokens.ids[0] for g in to_the_end(shard, passed)] == whole


def recomputed(shard: Engine, ids: list[int]) -> messages.Request:
    return request(1, ids, 20, range(200, 300))


def one_id_wrong(shard: Engine, ids: list[int]) -> messages.Request:
    return request(1, [*ids[:-1], ids[-1] + 1], 20, range(200, 300))


def test_recomputing_goes_on_as_before_and_one_wrong_id_does_not() -> None:
    def continued(make: Callable[[Engine, list[int]], messages.Request]) -> list[int]:
        shard = engine()
        ids = begun(shard, 8)
        shard.clear(1)
        return [g.tokens.ids[0] for g in to_the_end(shard, prefill(shard, [make(shard, ids)], batch_id=2))]

    shard = engine()
    whole = begun(shard, 28)[N:]
    assert continued(recomputed) == whole[8:]
    assert continued(one_id_wrong)[:5] != whole[8:13]


def test_other_slots_are_not_its_state() -> None:
    shard = engine()
    ids = begun(shard, 8)
    shard.clear(1)
    refused(shard, request(1, ids, 20, range(2, 101), cache_len=len(ids) - 1), "slot 2 holds something else")


def test_the_last_token_is_not_in_memory_yet() -> None:
    shard = engine()
    ids = begun(shard, 8)
    shard.clear(1)
    refused(shard, request(1, [*ids, 300], 20, range(1, 100), cache_len=len(ids)), "holds nothing")


def test_prefixes_are_shared_but_never_written() -> None:
    shard = engine()
    ids = begun(shard, 3)
    again = request(2, ids, 9, [*range(1, N + 1), *range(100, 120)], cache_len=N)
    assert set(ids_of(prefill(shard, [again], batch_id=2))) == {2}
    other = [*ids[: N - 1], ids[N - 1] + 1]
    thief = request(3, other, 9, [*range(1, N), N, *range(120, 140)], cache_len=N - 1)
    with pytest.raises(Refusal, match=f"request 3: writes slot {N}, which another request still reads"):
        prefill(shard, [thief], batch_id=3)
    assert shard.batches == 2  # those that were robbed go on


def test_the_same_ids_under_another_adapter_are_another_state() -> None:
    shard = engine()
    ids = begun(shard, 3)
    shard.clear(1)
    refused(shard, request(2, ids, 9, range(1, 60), cache_len=N, adapter_id="lora"), "holds something else")


def test_a_slot_that_two_requests_will_write_is_noticed_when_they_do() -> None:
    shard = engine()
    prefill(shard, [request(1, PROMPT, 9, range(1, 40))])
    late = [*range(60, 60 + N), N + 3, *range(80, 90)]
    prefill(shard, [request(2, PROMPT[::-1], 9, late)], batch_id=2)

    def decode_on() -> None:
        for _ in range(6):
            shard.decode([1])
            shard.decode([2])

    with pytest.raises(Refusal, match=f"writes slot {N + 3}, which another request still reads"):
        decode_on()
