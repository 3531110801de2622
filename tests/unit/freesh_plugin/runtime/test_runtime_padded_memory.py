"""The books of a padded model's memory by worked examples, and against their definition."""

from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.runtime.padded_memory import PaddedMemory


def memory_with(*requests: tuple[int, int], total: int = 200, prefill: int = 100, speculate: int = 0) -> PaddedMemory:
    """Requests given as prompt length and most new tokens, waiting, numbered from 0."""
    memory = PaddedMemory(total, prefill, speculate)
    for request_id, (prompt, new_tokens) in enumerate(requests):
        memory.register(request_id, [1] * prompt, new_tokens)
    return memory


def test_prompts_count_as_long_as_the_longest() -> None:
    memory = memory_with((10, 20), (50, 20), (10, 10), total=190)
    trial = memory.trial()
    assert trial.add(0)  # 10 + 20
    assert trial.add(1)  # 2 * 50 + 40
    assert not trial.add(2)  # 3 * 50 + 50 > 190, and 3 * 50 > 100


def test_prompts_of_one_step_are_limited_with_their_padding() -> None:
    trial = memory_with((10, 1), (50, 1), (10, 1), total=1000).trial()
    assert [trial.add(request_id) for request_id in range(3)] == [True, True, False]
    trial = memory_with(*[(10, 1)] * 11, total=1000).trial()
    assert [trial.add(request_id) for request_id in range(11)] == [True] * 10 + [False]


def test_guessed_tokens_count() -> None:
    assert memory_with((10, 10), total=20).trial().add(0)
    assert not memory_with((10, 10), total=20, speculate=1).trial().add(0)


def test_a_request_that_leaves_starts_anew_and_gives_room() -> None:
    memory = memory_with((40, 30), (40, 30), (20, 50), total=140)
    ids = memory.account(0).ids
    assert memory.claim(0) == memory.claim(1)
    ids += [7, 8]
    assert memory.claim(2) is None
    assert not memory.trial().add(2)
    trial = memory.trial()
    trial.park(0)
    assert not trial.add(2)  # 2 * 40 + 30 + 50 = 160
    trial.park(1)
    assert trial.add(2)
    memory.park(0, 28)
    assert not memory.keeps(0)
    assert (memory.prefill_tokens(0), memory.prefill_tokens(1)) == (42, 1)
    memory.release(1)
    memory.release(0)
    claim = memory.claim(2)
    assert claim is not None
    assert (claim.blocks, claim.slots, claim.cache_len) == ([], [], 0)
    memory.drop(2)
    assert (len(memory), len(memory.running)) == (1, 0)
    memory.drop(2)
    memory.trial().drop(2)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30), st.integers(0, 5)), max_size=12), st.integers(1, 400))
def test_what_is_padded_never_exceeds_the_limit(requests: list[tuple[int, int, int]], total: int) -> None:
    """Requests join one after the other, each of them after some steps in which all in the batch get a token."""
    memory = memory_with(*((prompt, new) for prompt, new, _ in requests), total=total, prefill=10**6)
    for request_id, (_, _, steps) in enumerate(requests):
        fits = memory.trial().add(request_id)
        assert (memory.claim(request_id) is not None) == fits
        for _ in range(steps):
            lengths = [len(account.ids) for account in memory.running.values()]
            assert len(lengths) * max(lengths, default=0) <= total
            for running, account in list(memory.running.items()):
                account.ids.append(2)
                if account.left_tokens == 0:
                    memory.release(running)
