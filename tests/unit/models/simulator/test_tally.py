"""Scores as users see them: bounds kept, absolute tiers, misses that stall to the end, slowdowns by client."""

from dataclasses import replace

import pytest

from freesh_plugin.core.step_model import step_s
from models.domain.workload import WorkloadRequest
from models.simulator.fleet_model import Scoring
from models.simulator.instance_types import Arrival, Outcome
from models.simulator.service_alone import ServiceAlone
from models.simulator.simulation_error import SimulationError
from models.simulator.tally import SHED, Tally
from tests.fakes.plain_fleet import ENGINES, PARTITION, engine, fleet, levels, request

END_S = 100.0


def served(ttft_s: float, latency_s: float, of: WorkloadRequest | None = None, worst_s: float = 0.1) -> Outcome:
    """A request that came at 10 s."""
    of = of or request(10.0)
    arrival = Arrival(1, of, of.arrival_s, "S")
    return Outcome(arrival, of.arrival_s + ttft_s, of.arrival_s + latency_s, ttft_s, worst_s)


def missed(code: str) -> Outcome:
    of = request(10.0)
    return Outcome(Arrival(1, of, 10.0, "S"), None, None, 1.0, refused=code)


def tally_of(*outcomes: Outcome, back_s: float = 0.0, worst_tbt: bool = True) -> Tally:
    tally = Tally(fleet(scored_by=Scoring(PARTITION, levels(PARTITION), worst_tbt)), END_S)
    for each in outcomes:
        tally.ended(each, back_s)
    return tally


@pytest.mark.parametrize(
    ("outcome", "kept"),
    [
        (served(1.9, 19.0), 1),
        (served(2.1, 19.0), 0),
        (served(1.9, 21.0), 0),
        (served(1.9, 19.0, worst_s=0.3), 0),
    ],
)
def test_a_request_keeps_its_level_when_it_keeps_all_of_its_bounds(outcome: Outcome, kept: int) -> None:
    assert tally_of(outcome).kept == kept


def test_the_worst_time_between_tokens_or_their_mean_is_held_against_the_bound() -> None:
    late = served(1.0, 6.0, worst_s=5.0)
    assert (tally_of(late).kept, tally_of(late, worst_tbt=False).kept) == (0, 1)


def test_the_way_back_counts() -> None:
    tally = tally_of(served(1.9, 19.0), back_s=0.2)
    assert tally.kept == 0
    assert tally.merged("ttft").quantile(0.5) == pytest.approx(2.1, rel=0.01)
    assert tally.merged("tbt").quantile(0.5) == pytest.approx(17.1 / 50, rel=0.01)
    assert tally.stall.quantile(0.5) == pytest.approx(2.1, rel=0.01)


def test_the_absolute_tiers_are_of_ttft_and_mean_tbt() -> None:
    # 51 tokens: 50 times between them.
    tally = tally_of(served(0.4, 2.3), served(0.4, 2.5), served(1.9, 11.8), served(1.9, 12.0), served(2.1, 3.0))
    assert (tally.tight, tally.relaxed) == (1, 3)


def test_shed_and_refused_are_misses_that_stall_to_the_end() -> None:
    tally = tally_of(missed(SHED), missed("too_long"), missed("too_long"))
    assert (tally.offered, tally.shed, tally.refused, tally.finished, tally.kept) == (3, 1, 2, 0, 0)
    assert tally.stall.quantile(0.5) == pytest.approx(90.0, rel=0.01)


def test_one_token_has_no_time_between_tokens() -> None:
    tally = tally_of(served(0.4, 0.4, request(10.0, answer_tokens=1), worst_s=0.0))
    assert len(tally.merged("tbt")) == 0
    assert (tally.tight, tally.kept) == (1, 1)


def test_slowdowns_are_told_by_one_instance_alone_whatever_served() -> None:
    alone_s = ServiceAlone(ENGINES["one"]).service_s(80, 51)
    outcomes = [
        served(1.0, alone_s * times, request(10.0, client=client)) for client, times in ((1, 2), (1, 4), (2, 5))
    ]
    assert tally_of(*outcomes).slowdowns() == pytest.approx([3.0, 5.0])


def test_classes_are_by_true_length_and_tier() -> None:
    strict = [replace(each, tier="gold", latency_s=1.0) for each in levels(PARTITION)]
    tally = Tally(fleet(scored_by=Scoring(PARTITION, (*levels(PARTITION), *strict))), END_S)
    for of in (request(10.0, 150, tier="gold"), request(10.0, 50), request(10.0, 50, tier="odd")):
        tally.ended(served(0.5, 2.0, of), 0.0)
    assert {key: (each.offered, each.kept) for key, each in tally.classes.items()} == {
        ("L", "gold"): (1, 0),
        ("S", "default"): (1, 1),
        ("S", "odd"): (1, 1),
    }


def test_an_answer_ends_at_its_most_tokens() -> None:
    tally = tally_of(served(0.4, 2.3, request(10.0, 150, max_new_tokens=20)))
    assert list(tally.classes) == [("S", "default")]
    assert tally.merged("tbt").quantile(0.5) == pytest.approx(0.1, rel=0.01)


def test_without_a_level_to_score_by_there_is_no_score() -> None:
    with pytest.raises(SimulationError, match="no service level to score partition 'two' by"):
        Scoring(PARTITION, ())
    with pytest.raises(SimulationError, match="class 'L' of model 'default'"):
        Tally(fleet(scored_by=Scoring(PARTITION, levels(PARTITION)[:1])), END_S).ended(
            served(1.0, 2.0, request(10.0, 150)), 0.0
        )


def test_service_alone_is_the_sum_of_its_passes() -> None:
    of = engine("one", 1, chunk_tokens=100)
    step, top_mhz = of.step, 1980.0
    passes_s = [step_s(step, top_mhz, 1, read, tokens) for read, tokens in ((100, 100), (200, 100))]
    passes_s += [step_s(step, top_mhz, 1, 200 + each, 0) for each in range(1, 10)]
    assert ServiceAlone(of).service_s(200, 10) == pytest.approx(sum(passes_s), rel=1e-6)
