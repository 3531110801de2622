"""Synthetic requests: near what they were fitted to, conversations that grow, the same by seed, labelled synthetic."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from freesh_plugin.core.errors import ConfigError
from models.domain.workload import PREFIX_BLOCK_TOKENS, WorkloadRequest
from models.sources.workload.conversations import Conversations, block_names
from models.sources.workload.diurnal import FACTORS, factor_at
from models.sources.workload.dressing import Dress
from models.sources.workload.synthetic import SyntheticSettings, synthetic_workload


@pytest.fixture(scope="module")
def hour() -> list[WorkloadRequest]:
    return list(synthetic_workload(1).requests())


def test_it_says_that_it_is_synthetic() -> None:
    workload = synthetic_workload(7)
    assert "synthetic" in workload.name
    assert "not measured" in workload.source
    assert workload.length_error == 0.5


def test_the_mean_rate_is_as_asked(hour: list[WorkloadRequest]) -> None:
    # Bursts move the mean of an hour: their level varies by .51, anew every 15 s.
    assert len(hour) / 3_600 == pytest.approx(5.0, rel=0.15)
    arrivals = [each.arrival_s for each in hour]
    assert arrivals == sorted(arrivals)


@pytest.mark.parametrize(("kind", "log_prompt", "log_answer"), [("conversation", 6.633, 5.019), ("code", 6.999, 2.788)])
def test_lengths_have_the_medians_of_their_fits(kind: str, log_prompt: float, log_answer: float) -> None:
    requests = list(synthetic_workload(2, SyntheticSettings(kind=kind)).requests())
    assert np.median([each.prompt_tokens for each in requests]) == pytest.approx(np.exp(log_prompt), rel=0.08)
    assert np.median([each.answer_tokens for each in requests]) == pytest.approx(np.exp(log_answer), rel=0.08)


def test_dispersion_is_stated_and_poisson_without_bursts() -> None:
    bursty = synthetic_workload(3).dispersion_after
    calm = synthetic_workload(3, SyntheticSettings(level_variance=0.0)).dispersion_after
    assert bursty == pytest.approx(1 + 5 * 0.51, rel=0.2)
    assert calm == pytest.approx(1.0, abs=0.15)


def test_turns_of_a_conversation_begin_alike_and_grow(hour: list[WorkloadRequest]) -> None:
    turns: dict[int, list[WorkloadRequest]] = {}
    for each in hour:
        turns.setdefault(each.session, []).append(each)
    assert sum(len(own) > 1 for own in turns.values()) > 1_000
    for own in turns.values():
        for earlier, later in pairwise(own):
            assert later.prompt_tokens > earlier.prompt_tokens + earlier.answer_tokens
            assert later.prefix[: len(earlier.prefix)] == earlier.prefix
            assert (later.client, later.origin) == (earlier.client, earlier.origin)


def test_conversations_share_no_prefix_with_each_other(hour: list[WorkloadRequest]) -> None:
    owners = {(name, each.session) for each in hour for name in each.prefix}
    assert len(owners) == len({name for name, _ in owners})
    assert all(len(each.prefix) == each.prompt_tokens // PREFIX_BLOCK_TOKENS for each in hour)


def test_conversations_leave_lengths_as_they_were() -> None:
    lengths = [
        [(each.prompt_tokens, each.answer_tokens) for each in synthetic_workload(4, settings).requests()]
        for settings in (SyntheticSettings(goes_on=0.0), SyntheticSettings(goes_on=1.0))
    ]
    assert lengths[0] == lengths[1]


def test_without_conversations_there_are_no_sessions() -> None:
    requests = list(synthetic_workload(4, SyntheticSettings(goes_on=0.0, duration_s=60.0)).requests())
    assert {(each.session, each.prefix) for each in requests} == {(0, ())}


def test_the_same_seed_gives_the_same_requests_and_another_seed_others(hour: list[WorkloadRequest]) -> None:
    assert list(synthetic_workload(1).requests()) == hour
    assert [each.arrival_s for each in synthetic_workload(2).requests()] != [each.arrival_s for each in hour]


def test_clients_are_twenty(hour: list[WorkloadRequest]) -> None:
    counts = Counter(each.client for each in hour)
    assert len(counts) == 20
    assert counts[0] == max(counts.values())


def test_a_day_has_its_course() -> None:
    settings = SyntheticSettings(0.3, 86_400.0, start_hour=0.0, level_variance=0.0, dress=Dress(clients=0))
    arrivals = [each.arrival_s for each in synthetic_workload(5, settings).requests()]
    by_hour = np.histogram(arrivals, np.arange(0, 86_401, 3_600))[0]
    assert by_hour[20] > 1.5 * by_hour[3]
    assert np.mean(FACTORS) == pytest.approx(1.0, abs=0.01)
    assert factor_at(np.array([20.5 * 3_600.0]))[0] == pytest.approx(1.44)
    assert factor_at(np.array([-3.5 * 3_600.0]))[0] == pytest.approx(1.44), "the day before"


def test_a_forgotten_conversation_does_not_go_on() -> None:
    conversations = Conversations()
    first = conversations.join(0.0, 100, goes_on=True)
    conversations.answered(first, 0.0, 150, 50, thinking_s=10.0)
    assert conversations.join(5.0, 500, goes_on=True) != first, "nobody has read the answer yet"
    conversations = Conversations()
    conversations.answered(7, 0.0, 150, 50, thinking_s=10.0)
    assert conversations.join(20.0, 140, goes_on=True) != 7, "the context does not fit"
    assert conversations.join(20.0, 500, goes_on=False) != 7, "nobody wished it"
    assert conversations.join(20.0, 500, goes_on=True) == 7
    assert conversations.join(20.0, 500, goes_on=True) != 7, "it is under way"
    conversations.answered(7, 20.0, 510, 10, thinking_s=0.0)
    assert conversations.join(2_000.0, 600, goes_on=True) != 7, "half an hour has passed"


def test_only_so_many_conversations_are_remembered() -> None:
    conversations = Conversations()
    for at in range(20_000):
        conversations.answered(at + 1, at / 100, 100 + at % 50, 0, thinking_s=0.0)
        conversations.join(at / 100, 0, goes_on=False)
    assert conversations.join(200.0, 1_000, goes_on=True) > 15_000, "older ones are forgotten first"


def test_blocks_are_named_by_session() -> None:
    assert block_names(3, 511) == ()
    assert block_names(3, 1_600)[:1] == block_names(3, 600)
    assert not set(block_names(3, 5_000)) & set(block_names(4, 5_000))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "convesation"}, "nearest known name is 'conversation'"),
        ({"rate_rps": 0.0}, "rate_rps of synthetic requests is 0"),
        ({"duration_s": -1.0}, "duration_s"),
        ({"goes_on": 1.5}, "goes_on is 1.5"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SyntheticSettings(**wrong)  # type: ignore[arg-type]
