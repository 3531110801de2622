"""Scaling by a named method: the rate comes out as asked, and what it does to bursts is measured."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from freesh_plugin.core.errors import ConfigError
from models.domain.workload import Workload, WorkloadRequest
from models.sources.workload.dressing import Dress, exact
from models.sources.workload.estimates import Predicted
from models.sources.workload.read import read_workload
from models.sources.workload.read_settings import ReadSettings
from models.sources.workload.scaling import Method, Scaling, scaled

SECONDS = 1_200


def bursty() -> Workload:
    """Ten requests in every tenth second: mean 1, variance 9."""

    def requests() -> Iterator[WorkloadRequest]:
        for second in range(0, SECONDS, 10):
            for part in range(10):
                session = second // 10 + 1
                yield WorkloadRequest(second + part / 10, 10, 1, 9, exact(1), session=session, prefix=(second,))

    return Workload("bursty", "made", float(SECONDS), requests)


def count(workload: Workload) -> int:
    arrivals = [each.arrival_s for each in workload.requests()]
    assert arrivals == sorted(arrivals)
    assert 0 <= arrivals[0] <= arrivals[-1] <= workload.duration_s
    return len(arrivals)


def test_thinning_keeps_whole_sessions_and_whole_bursts_of_them() -> None:
    workload = scaled(bursty(), Scaling(Method.THINNED, 0.5, seed=1))
    assert count(workload) == pytest.approx(600, rel=0.2)
    kept = [each.session for each in workload.requests()]
    assert all(kept.count(session) == 10 for session in set(kept))
    assert workload.dispersion_before == pytest.approx(9.0)
    assert workload.dispersion_after == pytest.approx(9.5, abs=0.3), "half as many bursts, as large as before"
    assert workload.scaling == "thinned x 0.5"
    assert workload.duration_s == SECONDS


def test_copies_even_out_what_compression_heightens() -> None:
    copied, compressed = (scaled(bursty(), Scaling(method, 5.0)) for method in (Method.COPIES, Method.COMPRESSED))
    assert count(copied) == count(scaled(bursty(), Scaling(Method.COPIES, 4.0))) + 1_200 == 6_000
    assert count(compressed) == 1_200
    assert compressed.duration_s == SECONDS / 5
    # Turned by 240 s, a multiple of the bursts' 10 s, copies fall on each other: 50 in every tenth second.
    assert copied.dispersion_after == pytest.approx(45.0)
    # Compressed, every second second has 10 requests: mean 5, variance 25.
    assert compressed.dispersion_after == pytest.approx(5.0)


def test_copies_have_sessions_and_prefixes_of_their_own() -> None:
    workload = scaled(bursty(), Scaling(Method.COPIES, 3.0))
    sessions = [each.session for each in workload.requests()]
    assert len(set(sessions)) == 3 * SECONDS // 10
    by_session = {each.session: each.prefix for each in workload.requests()}
    assert len(set(by_session.values())) == len(by_session)


def test_a_part_of_a_copy_makes_up_the_rest() -> None:
    assert count(scaled(bursty(), Scaling(Method.COPIES, 2.5))) == pytest.approx(3_000, rel=0.1)


def test_a_rate_can_be_asked_for() -> None:
    slower = scaled(bursty(), Scaling(Method.COMPRESSED, rate_rps=0.25))
    assert slower.duration_s == pytest.approx(4 * SECONDS)
    assert slower.scaling == "compressed x 0.25"
    same = bursty()
    assert scaled(same, Scaling(Method.THINNED, rate_rps=1.0)) is same


def test_what_a_method_cannot_do_is_refused() -> None:
    with pytest.raises(ConfigError, match="thinning only lowers"):
        scaled(bursty(), Scaling(Method.THINNED, 2.0))
    with pytest.raises(ConfigError, match="copies only raise"):
        scaled(bursty(), Scaling(Method.COPIES, 0.5))
    with pytest.raises(ConfigError, match="either a factor or a rate_rps"):
        Scaling(Method.COPIES)
    with pytest.raises(ConfigError, match="must be above 0"):
        Scaling(Method.COPIES, -2.0)


@pytest.mark.data
def test_two_methods_differ_much_on_the_public_trace(freesh_data: Path) -> None:
    found = {}
    for method in (Method.COPIES, Method.COMPRESSED):
        settings = ReadSettings(
            duration_s=600.0, scaling=Scaling(method, 8.0), dress=Dress(0, 0, predicted=Predicted.EXACTLY)
        )
        workload = read_workload("azure", freesh_data / "traffic" / "azure_llm_2023", settings)
        found[method] = workload.dispersion_after or 0.0
    assert found[Method.COMPRESSED] > 3 * found[Method.COPIES]
