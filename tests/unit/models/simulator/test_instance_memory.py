"""The books of a simulated instance's memory: units of tokens, named prefixes, sessions, and what is kept when."""

import pytest

from freesh_plugin.core.errors import ConfigError
from models.domain.workload import WorkloadRequest
from models.simulator.instance_memory import UnitMemory
from models.simulator.instance_request import InstanceRequest, PassCount
from tests.fakes.instance_runs import arrival, request


class Books:
    """A memory, and requests that are put into it and made to generate by hand."""

    def __init__(self, kv_tokens: int = 10_000, unit_tokens: int = 16) -> None:
        self.memory = UnitMemory(kv_tokens, unit_tokens)
        self.count = PassCount()
        self._ids = 0

    def come(self, asked: WorkloadRequest, leg_tokens: int = 100) -> InstanceRequest:
        """It waits."""
        self._ids += 1
        made = InstanceRequest(arrival(self._ids, asked), self.count, 16)
        self.memory.register(made, leg_tokens)
        return made

    def start(self, asked: WorkloadRequest, leg_tokens: int = 100) -> InstanceRequest:
        """It runs."""
        made = self.come(asked, leg_tokens)
        computed = self.memory.claim(made)
        assert computed is not None
        made.begin_leg(1, computed, made.tokens - computed)
        return made

    def generate(self, running: InstanceRequest, tokens: int) -> None:
        """So many passes, the first of which ends its prompt."""
        self.count.passes += 1
        running.first_of_leg(1.0)
        self.count.passes += tokens - 1

    def end(self, running: InstanceRequest) -> None:
        """Its answer is whole."""
        self.memory.release(running.request_id)


@pytest.mark.parametrize(("unit_tokens", "units"), [(1, 399), (16, 25), (64, 7)])
def test_a_leg_takes_the_units_of_all_its_tokens_but_the_last(unit_tokens: int, units: int) -> None:
    books = Books(unit_tokens=unit_tokens)
    books.start(request(0.0, 300, 50), 100)
    assert books.memory.books.held_blocks == units


def test_the_longest_request_fits_and_no_longer_one() -> None:
    books = Books(kv_tokens=1000)
    longest = books.memory.longest_tokens
    assert 1000 - 16 <= longest <= 1001
    assert books.memory.claim(books.come(request(0.0, 500, 50), longest - 500 + 1)) is None
    assert books.memory.claim(books.come(request(0.0, 500, 50), longest - 500)) == 0


def test_prompts_that_begin_with_the_same_names_share_their_whole_units() -> None:
    books = Books()
    first = books.start(request(0.0, 1100, 10, prefix=(7, 8)))
    books.generate(first, 10)
    books.end(first)
    same, other = request(0.0, 1200, 10, prefix=(7, 8)), request(0.0, 1200, 10, prefix=(7, 9))
    assert books.memory.prefill_tokens(books.come(same).request_id) == 1200 - 1024
    assert books.memory.prefill_tokens(books.come(other).request_id) == 1200 - 512
    assert books.memory.prefill_tokens(books.come(request(0.0, 1200, 10)).request_id) == 1200
    assert books.start(same).computed == 1024


def test_of_a_prompt_that_is_cached_to_its_end_a_unit_is_computed_anew() -> None:
    books = Books()
    for _ in range(2):
        run = books.start(request(0.0, 1024, 40, prefix=(7, 8)))
        books.generate(run, 40)
        books.end(run)
    # The answers are nobody else's, though they follow on the same prefix.
    assert books.memory.prefill_tokens(books.come(request(0.0, 1024, 40, prefix=(7, 8))).request_id) == 16
    assert books.memory.prefill_tokens(books.come(request(0.0, 1536, 40, prefix=(7, 8, 7))).request_id) == 512


def test_the_next_turn_of_a_session_finds_prompt_and_answer() -> None:
    books = Books()
    first = books.start(request(0.0, 100, 30, session=3))
    books.generate(first, 30)
    books.end(first)
    # 129 tokens are written, the last of the answer never is: 8 whole units.
    assert books.memory.prefill_tokens(books.come(request(0.0, 200, 10, session=3)).request_id) == 200 - 128
    assert books.memory.prefill_tokens(books.come(request(0.0, 200, 10, session=4)).request_id) == 200


def test_a_session_after_a_named_prefix_is_its_own_beyond_it() -> None:
    books = Books()
    first = books.start(request(0.0, 600, 40, session=3, prefix=(5,)))
    books.generate(first, 40)
    books.end(first)
    turn = request(0.0, 700, 10, session=3, prefix=(5,))
    assert books.memory.prefill_tokens(books.come(turn).request_id) == 700 - 624
    stranger = request(0.0, 700, 10, session=9, prefix=(5,))
    assert books.memory.prefill_tokens(books.come(stranger).request_id) == 700 - 512


def test_who_is_parked_keeps_all_but_its_last_token_and_gives_the_rest_back() -> None:
    books = Books()
    run = books.start(request(0.0, 100, 30), 100)
    books.generate(run, 21)
    assert books.memory.resume_tokens(run.request_id) == 1
    books.memory.park(run, 79)
    run.end_leg(2.0, 0.0)
    assert books.memory.books.held_blocks == 120 // 16
    assert books.memory.keeps(run.request_id)
    assert books.memory.prefill_tokens(run.request_id) == 1
    assert books.memory.claim(run) == 120


def test_who_is_dropped_finds_what_is_still_cached_of_it() -> None:
    books = Books()
    run = books.start(request(0.0, 100, 30), 100)
    books.generate(run, 21)
    books.memory.park(run, 79)
    run.end_leg(2.0, 0.0)
    books.memory.drop(run.request_id)
    assert not books.memory.keeps(run.request_id)
    assert books.memory.books.held_blocks == 0
    assert books.memory.prefill_tokens(run.request_id) == 121 - 112


def test_a_trial_counts_what_running_requests_have_generated() -> None:
    books = Books(kv_tokens=20 * 16 + 1)
    run = books.start(request(0.0, 100, 30), 200)
    late = books.come(request(0.0, 100, 30), 100)
    books.generate(run, 60)
    assert not books.memory.trial().add(late.request_id)
    trial = books.memory.trial()
    trial.park(run.request_id)
    # 159 of its tokens are written, 9 whole units; 11 are free.
    assert not trial.add(late.request_id)
    trial.drop(run.request_id)
    assert trial.add(late.request_id)


def test_a_unit_must_divide_the_blocks_of_prefixes() -> None:
    with pytest.raises(ConfigError, match="units of 100 tokens"):
        UnitMemory(1000, 100)
