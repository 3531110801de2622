"""The books of paged memory against a naive memory, in any order of calls that a router could make."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from freesh_plugin.runtime.memory_account import Account, Stay
from freesh_plugin.runtime.paged_memory import PagedMemory, PagedShape
from tests.fakes.kv_slots import KvSlots

token = st.sampled_from([0, 0, 0, 1])
# Most prompts begin alike and go on alike: that is what a prefix cache has to get right.
prompts = st.builds(
    lambda length, changed: [1 if i == changed else 0 for i in range(length)], st.integers(1, 16), st.integers(0, 15)
)


class PagedMachine(RuleBasedStateMachine):
    """A router that does anything it may do; slots are written as a shard writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts: dict[int, Account] = {}
        self.slots: dict[int, list[int]] = {}
        self.known: dict[int, int] = {}
        self.next_id = 0

    @initialize(
        block_size=st.sampled_from([1, 2, 4]),
        blocks=st.sampled_from([2, 16, 32, 64, 64]),
        speculate=st.sampled_from([0, 0, 2]),
        prefix_caching=st.sampled_from([True, True, True, False]),
        keeps_state=st.sampled_from([True, True, False]),
    )
    def start(self, block_size: int, blocks: int, speculate: int, prefix_caching: bool, keeps_state: bool) -> None:
        shape = PagedShape(blocks * block_size, block_size, speculate, prefix_caching, keeps_state)
        self.memory = PagedMemory(shape)
        self.kv = KvSlots(self.memory)

    def at(self, *stays: Stay) -> list[int]:
        return [i for i, account in self.accounts.items() if account.stay in stays]

    @rule(ids=prompts, leg=st.integers(1, 6), shareable=st.booleans(), namespace=st.sampled_from(["", "", "b"]))
    def register(self, ids: list[int], leg: int, shareable: bool, namespace: str) -> None:
        request_id, self.next_id = self.next_id, self.next_id + 1
        self.memory.register(request_id, list(ids), leg, shareable=shareable, namespace=namespace)
        self.accounts[request_id] = self.memory.account(request_id)

    @precondition(lambda self: self.at(Stay.WAITING, Stay.PARKED))
    @rule(data=st.data())
    def admit_what_a_trial_admits(self, data: Any) -> None:
        order = data.draw(st.permutations(self.at(Stay.WAITING, Stay.PARKED)))[:3]
        trial = self.memory.trial()
        for request_id in [request_id for request_id in order if trial.add(request_id)]:
            self.claim(request_id, must_fit=True)

    @precondition(lambda self: self.at(Stay.WAITING, Stay.PARKED) and self.at(Stay.RUNNING))
    @rule(data=st.data())
    def preempt_as_tried(self, data: Any) -> None:
        victims = data.draw(st.permutations(self.at(Stay.RUNNING)))[:2]
        dropped = data.draw(st.lists(st.sampled_from(self.at(Stay.PARKED) or [-1]), unique=True, max_size=2))
        coming = data.draw(st.sampled_from(self.at(Stay.WAITING, Stay.PARKED)))
        trial = self.memory.trial()
        dropped = [request_id for request_id in dropped if request_id >= 0]
        for request_id in dropped:
            trial.drop(request_id)
        for request_id in victims:
            trial.park(request_id)
        fits = trial.add(coming)
        for request_id in dropped:
            self.memory.drop(request_id)
        for request_id in victims:
            self.park(request_id)
        if fits:
            self.claim(coming, must_fit=True)

    @rule()
    def look_at_costs(self) -> None:
        for request_id, account in self.accounts.items():
            assert 1 <= self.memory.prefill_tokens(request_id) <= len(account.ids)

    @precondition(lambda self: self.at(Stay.WAITING, Stay.PARKED))
    @rule(data=st.data())
    def claim_one(self, data: Any) -> None:
        self.claim(data.draw(st.sampled_from(self.at(Stay.WAITING, Stay.PARKED))), must_fit=False)

    @precondition(lambda self: self.at(Stay.RUNNING))
    @rule(new=st.lists(token, min_size=1, max_size=3), data=st.data())
    def step(self, new: list[int], data: Any) -> None:
        self.generate(data.draw(st.sampled_from(self.at(Stay.RUNNING))), new)

    @rule(ids=prompts, answer=st.lists(token, min_size=1, max_size=5), namespace=st.sampled_from(["", "", "b"]))
    def serve_whole(self, ids: list[int], answer: list[int], namespace: str) -> None:
        self.register(ids, len(answer), True, namespace)
        request_id = self.next_id - 1
        self.claim(request_id, must_fit=False)
        if self.accounts[request_id].stay is Stay.RUNNING:
            self.generate(request_id, answer)
        self.memory.release(request_id)
        del self.accounts[request_id]

    @precondition(lambda self: self.at(Stay.RUNNING))
    @rule(part=st.integers(1, 5), data=st.data())
    def compute_a_chunk(self, part: int, data: Any) -> None:
        request_id = data.draw(st.sampled_from(self.at(Stay.RUNNING)))
        account = self.accounts[request_id]
        end = min(self.known[request_id] + part, len(account.ids) - 1)
        if len(account.ids) == account.began and end > self.known[request_id]:
            self.kv.write(account, self.slots[request_id], self.known[request_id], end)
            self.known[request_id] = end

    @precondition(lambda self: self.at(Stay.RUNNING))
    @rule(data=st.data())
    def park_one(self, data: Any) -> None:
        self.park(data.draw(st.sampled_from(self.at(Stay.RUNNING))))

    @precondition(lambda self: self.accounts)
    @rule(trusted=st.booleans(), over=st.booleans(), data=st.data())
    def leave(self, trusted: bool, over: bool, data: Any) -> None:
        request_id = data.draw(st.sampled_from(list(self.accounts)))
        if over:
            self.memory.release(request_id, trusted)
            del self.accounts[request_id]
        else:
            self.memory.drop(request_id, trusted)
            assert not self.memory.keeps(request_id)

    @rule(ids=prompts, leg=st.integers(1, 6), new=st.lists(token, max_size=2))
    def arrive_and_run(self, ids: list[int], leg: int, new: list[int]) -> None:
        self.register(ids, leg, True, "")
        request_id = self.next_id - 1
        self.claim(request_id, must_fit=False)
        if self.accounts[request_id].stay is Stay.RUNNING:
            self.generate(request_id, new)

    def generate(self, request_id: int, new: list[int]) -> None:
        account = self.accounts[request_id]
        for token_id in new[: account.left_tokens]:
            self.kv.write(account, self.slots[request_id], self.known[request_id], len(account.ids))
            self.known[request_id] = len(account.ids)
            account.ids.append(token_id)

    def claim(self, request_id: int, must_fit: bool) -> None:
        account, foreseen = self.accounts[request_id], self.memory.prefill_tokens(request_id)
        if not self.memory.keeps(request_id):
            assert len(account.ids) - foreseen == self.kv.longest_prefix(account)
        claim = self.memory.claim(request_id)
        if claim is None:
            assert not must_fit
            return
        shape = self.memory.shape
        needed = len(account.ids) + account.leg_tokens + shape.speculate - 1
        assert len(claim.slots) == max(needed, len(account.ids))
        assert len(claim.blocks) == -(-len(claim.slots) // shape.block_size)
        assert claim.cache_len <= len(account.ids) - 1
        assert foreseen == len(account.ids) - claim.cache_len
        self.kv.check_reads(account, claim.cache_len)
        self.slots[request_id], self.known[request_id] = claim.slots, claim.cache_len

    def park(self, request_id: int) -> None:
        account = self.accounts[request_id]
        got_token = len(account.ids) > account.began
        self.memory.park(request_id, leg_tokens=max(account.left_tokens, 1))
        if self.memory.keeps(request_id):
            assert self.memory.shape.keeps_state
            if got_token:
                assert self.memory.prefill_tokens(request_id) == 1
            self.kv.check_reads(account, account.computed)

    @invariant()
    def books_are_right(self) -> None:
        if hasattr(self, "kv"):
            self.kv.check_books(self.accounts)

    @invariant()
    def running_requests_read_what_they_wrote(self) -> None:
        for request_id in self.at(Stay.RUNNING):
            self.kv.check_reads(self.accounts[request_id], self.known[request_id])


def test_any_order_of_calls() -> None:
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        PagedMachine,
        settings=settings(max_examples=300, stateful_step_count=50, deadline=None, suppress_health_check=checks),
    )


def test_nothing_leaks_when_all_are_gone() -> None:
    memory = PagedMemory(PagedShape(640, 16))
    for request_id in range(10):
        memory.register(request_id, list(range(request_id, request_id + 30)), 10)
        assert memory.claim(request_id) is not None
        memory.release(request_id)
    assert memory.held_blocks == 0
    assert memory.available_blocks == memory.pool.total


@pytest.mark.parametrize("leg", [1, 2])
def test_a_leg_of_one_token_stores_the_prompt_alone(leg: int) -> None:
    memory = PagedMemory(PagedShape(64, 4))
    memory.register(1, [5, 6, 7, 8], leg)
    claim = memory.claim(1)
    assert claim is not None
    assert len(claim.slots) == 3 + leg
