"""The balancer: residency before weights, weights before load, the least loaded instance, sessions at home."""

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.runtime.balancer import CLEARLY_MORE, Balancer, least_loaded, work_of

STREAM = ("default", "SS", "DE")
PLACES = ("be", "de", "us")
ORIGINS = ("DE", "US", "any")


@dataclass
class FakeBackend:
    """An instance of so much work."""

    home_key: int
    work: float = 0.0
    capacity_rps: float = 1.0


def test_shares_of_a_plan_are_kept() -> None:
    balancer = Balancer(dict.fromkeys(PLACES))
    weights = {"be": 0.5, "de": 0.3, "us": 0.2}
    sent = Counter(balancer.location(STREAM, weights, PLACES) for _ in range(1000))
    assert sent == {"be": 500, "de": 300, "us": 200}


def test_a_location_that_is_not_ready_gets_nothing_and_the_rest_keep_their_proportions() -> None:
    balancer = Balancer(dict.fromkeys(PLACES))
    weights = {"be": 0.5, "de": 0.3, "us": 0.2}
    sent = Counter(balancer.location(STREAM, weights, ("de", "us")) for _ in range(1000))
    assert sent == {"de": 600, "us": 400}


def test_a_location_that_comes_back_is_not_flooded_with_what_it_missed() -> None:
    balancer = Balancer(dict.fromkeys(PLACES))
    weights = {"be": 0.5, "de": 0.5}
    for _ in range(1000):
        balancer.location(STREAM, weights, ("de",))
    sent = Counter(balancer.location(STREAM, weights, ("be", "de")) for _ in range(10))
    assert sent == {"be": 5, "de": 5}


def test_without_a_share_that_is_ready_and_allowed_there_is_no_location() -> None:
    balancer = Balancer({"be": None, "de": ["FR"]})
    assert balancer.location(STREAM, {}, PLACES) is None
    assert balancer.location(STREAM, {"be": 0.0}, PLACES) is None
    assert balancer.location(STREAM, {"be": 1.0}, ("de",)) is None
    assert balancer.location(STREAM, {"de": 1.0}, PLACES) is None


def test_a_location_of_unknown_residency_serves_nobody() -> None:
    assert Balancer({}).location(STREAM, {"be": 1.0}, PLACES) is None


@given(
    st.dictionaries(st.sampled_from(PLACES), st.none() | st.sets(st.sampled_from(ORIGINS))),
    st.lists(
        st.tuples(
            st.sampled_from(ORIGINS),
            st.dictionaries(st.sampled_from(PLACES), st.floats(0, 1)),
            st.sets(st.sampled_from(PLACES)),
            st.integers(0, 3),
        ),
        max_size=40,
    ),
)
def test_residency_is_never_broken_whatever_the_weights(
    residency: dict[str, set[str] | None],
    requests: list[tuple[str, dict[str, float], set[str], int]],
) -> None:
    balancer = Balancer(residency)
    for origin, weights, ready, session in requests:
        chosen = balancer.location(("m", "SS", origin), weights, ready, session)
        allowed = [
            name
            for name, weight in weights.items()
            if weight > 0
            and name in ready
            and name in residency
            and (residency[name] is None or origin in residency[name])  # type: ignore[operator]
        ]
        assert chosen in allowed if allowed else chosen is None


def test_the_instance_with_least_work_for_its_capacity_is_chosen() -> None:
    slow, fast = FakeBackend(1, work=30.0, capacity_rps=1.0), FakeBackend(2, work=50.0, capacity_rps=2.0)
    assert least_loaded([slow, fast]) is fast
    assert least_loaded([fast, slow]) is fast


def test_of_equal_instances_the_first_is_chosen() -> None:
    backends = [FakeBackend(key) for key in range(3)]
    assert least_loaded(backends) is backends[0]


def test_pools_of_several_modes_fill_by_their_capacity() -> None:
    backends = [FakeBackend(1, capacity_rps=1.0), FakeBackend(2, capacity_rps=3.0)]
    for _ in range(400):
        least_loaded(backends).work += 1
    assert [each.work for each in backends] == [100, 300]


@given(
    st.lists(st.tuples(st.floats(0, 1000), st.floats(0.1, 10)), min_size=1, max_size=8),
    st.integers(1, 100),
    st.floats(0, 50),
)
def test_affinity_never_costs_more_than_it_may(loads: list[tuple[float, float]], session: int, own_work: float) -> None:
    backends = [FakeBackend(key, work, rps) for key, (work, rps) in enumerate(loads)]
    chosen = least_loaded(backends, session, own_work)
    least = min(each.work / each.capacity_rps for each in backends)
    assert chosen.work / chosen.capacity_rps <= CLEARLY_MORE * least + 2 * own_work / chosen.capacity_rps


def test_a_session_stays_with_its_instance_and_leaves_it_only_while_that_is_clearly_busier() -> None:
    backends = [FakeBackend(key, work=100.0) for key in range(5)]
    home = least_loaded(backends, session=9, own_work=1.0)
    home.work = 151.0
    assert least_loaded(backends, session=9, own_work=1.0) is home
    home.work = 153.0
    assert least_loaded(backends, session=9, own_work=1.0) is not home
    home.work = 120.0
    assert least_loaded(backends, session=9, own_work=1.0) is home


def test_an_instance_more_moves_only_the_sessions_that_it_gains() -> None:
    backends = [FakeBackend(key) for key in range(6)]
    before = {session: least_loaded(backends[:5], session, 1.0) for session in range(1, 500)}
    moved = [each for each in before if least_loaded(backends, each, 1.0) is not before[each]]
    assert all(least_loaded(backends, each, 1.0) is backends[5] for each in moved)
    assert 50 < len(moved) < 120


def test_a_prompt_token_is_an_eighth_of_the_work_of_one_of_the_answer() -> None:
    assert work_of(800, 100.0) == 300.0 + 200.0


def test_two_requests_are_more_work_than_one_of_both_their_lengths() -> None:
    assert work_of(100, 50.0) + work_of(100, 50.0) > work_of(200, 100.0)
