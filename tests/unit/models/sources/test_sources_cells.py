"""Sums of cells are the demand of classes, whatever the partition; against counting the requests themselves."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.core.errors import SourceError
from freesh_plugin.core.request import TWO_BY_TWO, CellGrid, Partition, cell_label, interval
from models.sources.cells import ClassSeries, class_history

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
A = Partition("a", TWO_BY_TWO, (1000,), (444,))


def table(*rows: tuple[int, str, str, float], tier: str = "default") -> pd.DataFrame:
    """Rows of (step, prompt cell, answer cell, req/s)."""
    return pd.DataFrame(
        [(NOON + timedelta(minutes=5 * step), prompt, answer, rps) for step, prompt, answer, rps in rows],
        columns=["time", "prompt_cell", "answer_cell", "demand_rps"],
    ).assign(model="default", origin="any", tier=tier)


def values(history: dict[ClassSeries, pd.Series], request_class: str, tier: str = "default") -> list[float]:
    return [float(each) for each in history[ClassSeries(request_class, "default", "any", tier)]]


def test_cells_are_summed_and_gaps_stay_gaps() -> None:
    rows = table(
        (0, "0-500", "0-444", 1.0),
        (0, "500-1000", "0-444", 2.0),
        (0, "1000-inf", "444-inf", 4.0),
        (1, "0-500", "0-444", 8.0),
        (3, "0-500", "444-inf", 16.0),
    )
    history = class_history(rows, A)
    assert values(history, "SS")[:2] == [3.0, 8.0]
    assert values(history, "SL")[3] == 16.0
    assert values(history, "LL")[:2] == [4.0, 0.0]
    for name in TWO_BY_TWO:
        assert np.isnan(values(history, name)).tolist() == [False, False, True, False]
    index = history[ClassSeries("SS", "default", "any", "default")].index
    assert index.tolist() == [NOON + timedelta(minutes=5 * step) for step in range(4)]


def test_every_tier_has_its_own_series() -> None:
    rows = pd.concat(
        [
            table((0, "0-1000", "0-444", 1.0), (1, "0-1000", "0-444", 1.0)),
            table((1, "0-1000", "0-444", 5.0), tier="batch"),
        ]
    )
    history = class_history(rows, A)
    assert len(history) == 8
    assert values(history, "SS") == [1.0, 1.0]
    assert values(history, "SS", "batch") == [0.0, 5.0]


def test_a_time_before_the_boundary_is_missing_not_wrong() -> None:
    rows = table((0, "0-inf", "0-444", 3.0), (0, "0-1000", "0-444", 1.0), (1, "0-1000", "0-444", 2.0))
    assert np.isnan(values(class_history(rows, A), "SS")).tolist() == [True, False]


def test_cells_that_no_boundary_divides_are_an_error() -> None:
    rows = table((0, "0-1500", "0-444", 3.0), (1, "0-1500", "0-444", 3.0))
    with pytest.raises(
        SourceError, match=r"cell 0-1500 x 0-444 reaches over a boundary of 'a' \(prompt \[1000\], answer"
    ):
        class_history(rows, A)


def test_what_cannot_be_summed_is_told() -> None:
    one = table((0, "0-1000", "0-444", 1.0))
    with pytest.raises(SourceError, match="length of a step is unknown"):
        class_history(one, A)
    assert values(class_history(one, A, step_s=300), "SS") == [1.0]
    with pytest.raises(SourceError, match="partition 'x' has an unknown boundary"):
        class_history(one, Partition("x", TWO_BY_TWO, None, (444,)))
    with pytest.raises(SourceError, match="no row of traffic"):
        class_history(one.iloc[:0], A)


def test_finer_rows_are_averaged_over_whole_steps_only() -> None:
    rows = pd.concat(
        [
            pd.DataFrame(
                {"time": [NOON + timedelta(seconds=at)], "prompt_cell": "0-1000", "answer_cell": "0-444"}
            ).assign(demand_rps=rps, model="default", origin="any", tier="default")
            for at, rps in ((-150, 9.0), (0, 1.0), (150, 3.0), (300, 4.0), (600, 6.0), (750, 8.0))
        ]
    )
    history = class_history(rows, A, step_s=300)
    series = history[ClassSeries("SS", "default", "any", "default")]
    assert series.index.tolist() == [NOON + timedelta(minutes=5 * step) for step in range(-1, 3)]
    assert series.fillna(-1.0).tolist() == [-1.0, 2.0, -1.0, 7.0]
    with pytest.raises(SourceError, match="every 150 s do not divide a step of 400 s"):
        class_history(rows, A, step_s=400)


boundaries = st.sets(st.integers(1, 50), max_size=3).map(lambda each: tuple(sorted(each)))


@settings(max_examples=60, deadline=None)
@given(
    prompts=st.tuples(boundaries, boundaries),
    answers=st.tuples(boundaries, boundaries),
    requests=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=40),
)
def test_any_partition_agrees_with_counting_requests(
    prompts: tuple[tuple[int, ...], ...],
    answers: tuple[tuple[int, ...], ...],
    requests: list[tuple[int, int, int]],
) -> None:
    partitions = [
        Partition(f"p{i}", tuple(f"c{k}" for k in range((len(p) + 1) * (len(a) + 1))), p, a)
        for i, (p, a) in enumerate(zip(prompts, answers, strict=True))
    ]
    grid = CellGrid.refining(partitions)
    rows = table(
        *(
            (
                step,
                cell_label(grid.prompt_tokens, interval(grid.prompt_tokens, prompt)),
                cell_label(grid.answer_tokens, interval(grid.answer_tokens, answer)),
                1.0,
            )
            for step, prompt, answer in requests
        )
    )
    rows = rows.groupby(["time", "prompt_cell", "answer_cell", "model", "origin", "tier"], as_index=False).sum()
    for partition in partitions:
        history = class_history(rows, partition, step_s=300)
        first = min(step for step, _, _ in requests)
        for name in partition.classes:
            for k, found in enumerate(values(history, name)):
                counted = [(s, p, a) for s, p, a in requests if s == first + k]
                expected = sum(partition.classify(p, a) == name for _, p, a in counted)
                assert np.isnan(found) if not counted else found == expected
