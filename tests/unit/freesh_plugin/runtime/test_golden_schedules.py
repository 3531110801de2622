"""Golden schedules: each of tests/golden/schedules/ comes out as drawn, figure 4's toy among them."""

import json
from pathlib import Path
from statistics import fmean

import pytest

from tests.fakes.golden_schedule import CASES, FOLDER, told


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_schedule_is_as_drawn(path: Path) -> None:
    assert told(path) == json.loads(path.read_text(encoding="utf-8"))["expect"]


def test_figure_4_llf_has_lower_latency_lower_ttft_and_less_spread_than_fcfs() -> None:
    arrivals = {"A": 0, "B": 1, "C": 2}
    means, first, spread = {}, {}, {}
    for policy, name in (("llf", "01_figure_4_llf"), ("fcfs", "02_figure_4_fcfs")):
        seen = told(FOLDER / f"{name}.json")
        batches = seen["batches"].split()
        latency = {letter: seen["ends"][letter] - arrival for letter, arrival in arrivals.items()}
        slowdown = [latency[letter] / tokens for letter, tokens in (("A", 10), ("B", 2), ("C", 1))]
        means[policy] = fmean(latency.values())
        first[policy] = fmean(batches.index(letter) + 1 - arrival for letter, arrival in arrivals.items())
        spread[policy] = max(slowdown) - min(slowdown)
    assert means["llf"] < means["fcfs"]
    assert first["llf"] < first["fcfs"]
    assert spread["llf"] < spread["fcfs"]
