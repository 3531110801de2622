"""What a trace does not say: clients by Zipf's shares, origins by given ones, predictions with a stated error."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.length_model import Z90
from freesh_plugin.runtime.lengths import PRIOR
from models.domain.workload import Workload, WorkloadRequest
from models.sources.workload.dressing import Dress, dressed, exact
from models.sources.workload.estimates import Predicted

SECONDS = 20_000


def bare(sessions: int = 0, answer: int = 200) -> Workload:
    def requests() -> Iterator[WorkloadRequest]:
        for at in range(SECONDS):
            session = 1 + at % sessions if sessions else 0
            yield WorkloadRequest(float(at), 100, answer, 1_000, exact(answer), client=5, session=session)

    return Workload("bare", "made", float(SECONDS), requests)


def test_clients_have_shares_that_fall_as_one_over_their_rank() -> None:
    counts = Counter(each.client for each in dressed(bare(), Dress(seed=3, clients=20)).requests())
    whole = sum(1 / rank for rank in range(1, 21))
    for rank in (1, 2, 5, 20):
        assert counts[rank - 1] / SECONDS == pytest.approx(1 / rank / whole, rel=0.15)


def test_origins_have_their_shares() -> None:
    origins = {"east": 3.0, "west": 1.0, "nowhere": 0.0}
    counts = Counter(each.origin for each in dressed(bare(), Dress(origins=origins)).requests())
    assert counts["east"] / SECONDS == pytest.approx(0.75, abs=0.02)
    assert counts["nowhere"] == 0


def test_a_session_keeps_its_client_and_origin() -> None:
    dress = Dress(origins={"east": 1.0, "west": 1.0})
    known: dict[int, tuple[int, str]] = {}
    for each in dressed(bare(sessions=50), dress).requests():
        assert known.setdefault(each.session, (each.client, each.origin)) == (each.client, each.origin)
    assert len(set(known.values())) > 10


def test_nothing_is_added_where_the_trace_says_it() -> None:
    first = next(dressed(bare(), Dress(clients=0)).requests())
    assert (first.client, first.origin) == (5, "any")


@pytest.mark.parametrize("sigma", [0.3, 0.5, 0.8])
def test_the_error_of_predictions_is_as_stated(sigma: float) -> None:
    workload = dressed(bare(), Dress(length_error=sigma))
    assert workload.length_error == sigma
    medians = np.array([each.estimate.q50 for each in workload.requests()])
    logs = np.log(medians[medians < 999] / 200)
    assert (medians / 200).mean() == pytest.approx(1.0, abs=0.03), "mean 1, but for those cut at the limit"
    assert logs.std() == pytest.approx(sigma, rel=0.1)
    first = next(workload.requests()).estimate
    assert first.q90 == pytest.approx(min(first.q50 * np.exp(Z90 * sigma), 1_000.0))


def test_predictions_are_the_same_every_time_and_differ_by_seed() -> None:
    workload = dressed(bare(), Dress(seed=1))
    assert list(workload.requests()) == list(workload.requests())
    other = dressed(bare(), Dress(seed=2))
    assert [each.estimate for each in workload.requests()] != [each.estimate for each in other.requests()]


def test_exact_predictions_are_the_truth() -> None:
    workload = dressed(bare(), Dress(predicted=Predicted.EXACTLY))
    assert workload.length_error == 0.0
    assert {(each.estimate.q50, each.estimate.q90) for each in workload.requests()} == {(200.0, 200.0)}


def test_the_live_estimator_learns_only_of_answers_that_have_ended() -> None:
    workload = dressed(bare(answer=900), Dress(clients=0, predicted=Predicted.BY_QUANTILES))
    assert workload.length_error is None
    medians = [each.estimate.q50 for each in workload.requests()]
    # An answer of 900 tokens takes 27.5 s at the assumed pace: until then nothing is known but the prior.
    assert medians[:28] == [PRIOR.q50] * 28
    assert medians[28] > PRIOR.q50
    assert medians[-1] == pytest.approx(900, rel=0.05)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"clients": -1}, "-1 clients"),
        ({"origins": {"a": -1.0}}, "origin 'a' has a share of -1"),
        ({"origins": {"a": 0.0}}, "shares of all origins are 0"),
        ({"length_error": -0.1}, "length_error is -0.1"),
    ],
)
def test_impossible_wishes_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Dress(**wrong)  # type: ignore[arg-type]
