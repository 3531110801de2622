"""Charts over time end where the requests of the run end."""

import re
from dataclasses import replace

import pytest

from models.evaluate.report.results import Results
from models.evaluate.report.sections.over_time import end_s, over_time, rows_of
from models.evaluate.report.sections.places import places
from tests.fakes.made_up_results import made_up_results

RESULTS = made_up_results(hours=1)


def lasting(duration_s: float) -> Results:
    """The results as if every run had lasted so long."""
    runs = [replace(each, goodput_rps=each.offered * each.slo_attainment / duration_s) for each in RESULTS.runs]
    series = [each for each in RESULTS.series if each.start_s < duration_s]
    return replace(RESULTS, runs=tuple(runs), series=tuple(series))


def end_of(results: Results) -> float:
    first = results.runs[0]
    return end_s(results, rows_of(results, first.hour, first.scenario, first.policy))


def ticks(markup: str) -> list[str]:
    """The numbers below the first chart."""
    before = markup[: markup.index(">minutes<")]
    return re.findall(r'class="tick" text-anchor="middle">([^<]+)<', before)


@pytest.mark.parametrize("duration_s", [300.0, 360.0, 1234.5, 3600.0])
def test_the_end_of_a_run_is_found_in_its_rows(duration_s: float) -> None:
    assert end_of(lasting(duration_s)) == pytest.approx(duration_s)


def test_where_rows_do_not_tell_the_end_it_is_that_of_the_last_slot() -> None:
    short = lasting(360.0)
    for goodput in (0.0, 1e6, 1e-6):
        assert end_of(replace(short, runs=tuple(replace(e, goodput_rps=goodput) for e in short.runs))) == 600.0


def test_six_minutes_are_drawn_as_six() -> None:
    for markup in (over_time(lasting(360.0)), places(lasting(360.0))):
        assert ticks(markup) == ["0", "2", "4", "6"]
    assert ticks(over_time(RESULTS)) == ["0", "20", "40", "60"]


def test_no_line_goes_on_behind_the_axis() -> None:
    picture = over_time(lasting(360.0)).split("<svg")[1]
    axis = re.search(r'x2="([\d.]+)" y2="[\d.]+" class="axis"', picture)
    assert axis
    lines = re.findall(r'points="([^"]+)" class="line', picture.split(">minutes<")[1])
    assert len(lines) >= 4
    assert {line.split()[-1].split(",")[0] for line in lines} == {f"{float(axis[1]):.1f}"}
