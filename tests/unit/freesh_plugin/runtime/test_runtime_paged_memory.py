"""The books of paged memory by worked examples."""

import pytest

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.runtime.memory_account import Claim
from freesh_plugin.runtime.paged_memory import PagedMemory, PagedShape


def claimed(memory: PagedMemory, request_id: int) -> Claim:
    claim = memory.claim(request_id)
    assert claim is not None
    return claim


def served(memory: PagedMemory, request_id: int, prompt: list[int], answer: list[int], namespace: str = "") -> Claim:
    """A request from its arrival to its end."""
    ids = list(prompt)
    memory.register(request_id, ids, len(answer), namespace=namespace)
    claim = claimed(memory, request_id)
    ids += answer
    memory.release(request_id)
    return claim


def test_a_leg_gets_all_its_blocks_at_once() -> None:
    memory = PagedMemory(PagedShape(total_tokens=160, block_size=16, speculate=2))
    memory.register(1, list(range(20)), 30)
    claim = claimed(memory, 1)
    assert len(claim.slots) == 20 + 30 + 2 - 1
    assert len(claim.blocks) == 4
    assert claim.slots == [slot for block in claim.blocks for slot in range(16 * block, 16 * block + 16)][:51]
    assert (claim.cache_len, memory.free_blocks, memory.held_blocks) == (0, 5, 4)
    assert 0 not in claim.blocks


def test_what_does_not_fit_changes_nothing() -> None:
    memory = PagedMemory(PagedShape(64, 16))
    served(memory, 0, list(range(17)), [5])
    memory.register(1, list(range(40)), 9)
    memory.register(2, list(range(40)), 10)
    assert memory.trial().add(1)
    assert not memory.trial().add(2)
    assert memory.claim(2) is None
    assert (memory.free_blocks, memory.cached_blocks, memory.available_blocks) == (2, 1, 3)
    assert claimed(memory, 1).cache_len == 16


def test_answers_are_cached_but_for_the_last_token() -> None:
    memory = PagedMemory(PagedShape(100, 1))
    served(memory, 1, [1, 2, 3], [4, 5])
    assert memory.cached_blocks == 4
    memory.register(2, [1, 2, 3, 4, 5, 6], 1)
    assert claimed(memory, 2).cache_len == 4


@pytest.mark.parametrize(("block_size", "cache_len"), [(1, 7), (2, 6), (4, 4)])
def test_of_a_prompt_that_is_cached_whole_one_block_is_computed_anew(block_size: int, cache_len: int) -> None:
    memory = PagedMemory(PagedShape(100, block_size))
    first = served(memory, 1, list(range(8)), [9, 9])
    memory.register(2, list(range(8)), 4)
    again = claimed(memory, 2)
    shared = cache_len // block_size
    assert again.cache_len == cache_len
    assert again.blocks[:shared] == first.blocks[:shared]
    assert not set(again.blocks[shared:]) & set(first.blocks[:shared])


def test_namespaces_and_the_unshareable_are_kept_apart() -> None:
    memory = PagedMemory(PagedShape(100, 1))
    served(memory, 1, [1, 2, 3], [4], namespace="lora")
    memory.register(2, [1, 2, 3], 1)
    assert memory.prefill_tokens(2) == 3
    memory.register(3, [1, 2, 3], 1, namespace="lora")
    assert memory.prefill_tokens(3) == 1
    memory.register(4, [1, 2, 3], 1, namespace="lora", shareable=False)
    assert memory.prefill_tokens(4) == 3
    assert claimed(memory, 4).cache_len == 0
    memory.release(4)
    assert memory.cached_blocks == 3


def test_the_least_recently_used_ends_go_first() -> None:
    memory = PagedMemory(PagedShape(13, 1))
    served(memory, 1, [1, 1, 1], [1, 1])
    served(memory, 2, [2, 2, 2], [2, 2])
    served(memory, 3, [1, 1], [9])  # the first one's beginning is used again
    memory.register(4, [7] * 4, 1)
    claimed(memory, 4)
    assert memory.cached_blocks == 8
    memory.register(5, [8, 8], 1)
    claimed(memory, 5)
    prompts = {6: [1, 1, 1, 1, 0], 7: [2, 2, 2, 2, 0]}
    for request_id, prompt in prompts.items():
        memory.register(request_id, prompt, 1)
    assert [memory.prefill_tokens(request_id) for request_id in prompts] == [3, 1]


def test_a_parked_request_keeps_what_is_computed_and_gives_the_rest_back() -> None:
    memory = PagedMemory(PagedShape(320, 16))
    ids = list(range(20))
    memory.register(1, ids, 100)
    first = claimed(memory, 1)
    ids += [50] * 14
    memory.park(1, 86)
    assert memory.keeps(1)
    assert (memory.held_blocks, memory.prefill_tokens(1)) == (3, 1)
    again = claimed(memory, 1)
    assert again.cache_len == 33
    assert again.blocks[:3] == first.blocks[:3]
    assert len(again.slots) == len(first.slots) == 119


def test_parked_before_its_first_token_only_what_it_began_with_is_sure() -> None:
    memory = PagedMemory(PagedShape(100, 1))
    served(memory, 1, [1, 2, 3], [4])
    memory.register(2, [1, 2, 3, 7, 8], 5)
    assert claimed(memory, 2).cache_len == 3
    memory.park(2, 5)
    assert not memory.keeps(2)
    assert (memory.held_blocks, memory.prefill_tokens(2)) == (0, 2)


def test_what_is_kept_is_still_kept_when_parked_at_once() -> None:
    memory = PagedMemory(PagedShape(100, 1))
    ids = [1, 2, 3]
    memory.register(1, ids, 5)
    claimed(memory, 1)
    ids.append(4)
    memory.park(1, 4)
    assert claimed(memory, 1).cache_len == 3
    memory.park(1, 4)
    assert memory.keeps(1)
    assert memory.prefill_tokens(1) == 1


def test_a_dropped_request_leaves_its_blocks_to_the_cache() -> None:
    memory = PagedMemory(PagedShape(100, 1))
    ids = [1, 2, 3]
    memory.register(1, ids, 5)
    claimed(memory, 1)
    ids += [4, 5]
    memory.park(1, 3)
    memory.drop(1)
    assert not memory.keeps(1)
    assert (memory.held_blocks, memory.cached_blocks, memory.prefill_tokens(1)) == (0, 4, 1)
    assert memory.available_blocks == 99


def test_what_cannot_be_trusted_is_not_cached() -> None:
    memory = PagedMemory(PagedShape(100, 1))
    ids = [1, 2, 3]
    memory.register(1, ids, 5)
    claimed(memory, 1)
    ids.append(4)
    memory.drop(1, trusted=False)
    assert (memory.cached_blocks, memory.free_blocks, memory.prefill_tokens(1)) == (0, 99, 4)


def test_where_no_state_can_be_kept_parking_means_starting_anew() -> None:
    memory = PagedMemory(PagedShape(160, 16, prefix_caching=False, keeps_state=False))
    ids = list(range(32))
    memory.register(1, ids, 5)
    claimed(memory, 1)
    ids.append(4)
    memory.park(1, 4)
    assert not memory.keeps(1)
    assert (memory.free_blocks, memory.cached_blocks, memory.prefill_tokens(1)) == (9, 0, 33)


def test_two_who_computed_the_same_leave_it_once() -> None:
    memory = PagedMemory(PagedShape(100, 1))
    lists = {request_id: [1, 2, 3] for request_id in (1, 2)}
    for request_id, ids in lists.items():
        memory.register(request_id, ids, 2)
        claimed(memory, request_id)
        ids.append(4)
    memory.release(1)
    memory.release(2)
    assert (memory.cached_blocks, memory.free_blocks, memory.held_blocks) == (3, 96, 0)


def test_a_trial_foresees_drop_park_and_shared_prefixes() -> None:
    memory = PagedMemory(PagedShape(21, 1))
    ids = {1: [1, 2, 3], 2: [1, 2, 3, 5], 3: [1, 2, 3, 6]}
    served(memory, 0, [1, 2, 3], [4])
    memory.register(1, ids[1], 10)
    claimed(memory, 1)  # 12 blocks, 2 of them shared
    ids[1] += [7, 8]
    memory.register(2, ids[2], 10)  # 13 blocks
    assert not memory.trial().add(2)
    trial = memory.trial()
    trial.park(1)
    assert trial.add(2)
    trial = memory.trial()
    trial.park(1)
    trial.drop(1)
    assert trial.add(2)
    memory.register(3, ids[3], 8)  # 11 blocks, 9 of them not read by the first
    trial = memory.trial()
    trial.park(1)  # 8 are available, 8 more are given back
    assert trial.add(3)
    assert not trial.add(2)  # 10 beyond the prefix, 7 are left
    trial.drop(1)  # 2 more
    assert not trial.add(2)


@pytest.mark.parametrize(("tokens", "block_size", "speculate"), [(31, 16, 0), (10, 0, 0), (64, 16, -1)])
def test_shapes_that_make_no_sense_are_refused(tokens: int, block_size: int, speculate: int) -> None:
    with pytest.raises(ConfigError, match=f"{tokens} tokens in blocks of {block_size}"):
        PagedShape(tokens, block_size, speculate)


def test_adapters_that_come_and_go_leave_nothing() -> None:
    memory = PagedMemory(PagedShape(100, 1))
    for number in range(200):
        memory.register(number, [1], 1, namespace=f"adapter {number}")
        claimed(memory, number)
        memory.release(number)
    assert (memory.cached_blocks, memory.free_blocks) == (0, 99)
    assert not memory.cache._roots
