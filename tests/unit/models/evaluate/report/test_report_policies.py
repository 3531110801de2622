"""The table of policies: sums where every hour is known, else changes over those that are."""

import re
from dataclasses import replace

from models.evaluate.outcome_rows import Comparison, Estimate
from models.evaluate.report.results import Results
from models.evaluate.report.sections.policies import policies
from tests.fakes.made_up_results import made_up_results

RESULTS = made_up_results(hours=2, policies=("reference", "one_mixed_pool", "freesh"))


def rows_of(results: Results) -> dict[str, list[str]]:
    """Cells of the table by the name in front."""
    lines = re.findall(r"<tr.*?</tr>", policies(results), re.DOTALL)
    cells = [re.findall(r"<t[hd].*?</t[hd]>", line, re.DOTALL) for line in lines]
    texts = [
        [re.sub(r"<[^>]+>", " ", cell).replace("\N{NO-BREAK SPACE}", " ").strip() for cell in row] for row in cells
    ]
    return {row[0].split("  ")[0]: [" ".join(cell.split()) for cell in row] for row in texts}


def compared(results: Results, **changes: object) -> Results:
    """The results with other comparisons of every policy."""
    rows = tuple(replace(each, **changes) for each in results.summary.comparisons)  # type: ignore[arg-type]
    return replace(results, summary=replace(results.summary, comparisons=rows))


def partly_known(results: Results) -> Results:
    """Cost is known in all hours but the first, by half less in FREESH."""
    first = results.runs[0].hour
    runs = tuple(replace(each, cost_usd=None) if each.hour == first else each for each in results.runs)
    return compared(replace(results, runs=runs), cost=Estimate(-0.5), cost_hours=5)


def test_a_sum_has_its_change_below_it() -> None:
    rows = rows_of(RESULTS)
    assert rows["Policy"][1:5] == ["Energy kWh", "Carbon, average kg", "Carbon, marginal kg", "Cost USD"]
    assert re.fullmatch(r"[\d.,]+ \N{MINUS SIGN}\d+\.\d %", rows["FREESH"][4])
    assert re.fullmatch(r"[\d.,]+", rows["reference"][4])


def test_where_an_hour_is_unknown_changes_alone_are_told_over_the_others() -> None:
    rows = rows_of(partly_known(RESULTS))
    assert rows["Policy"][4] == "Cost change over 5 of 6 hours"
    assert [rows[name][4] for name in ("one mixed pool", "FREESH")] == ["\N{MINUS SIGN}50.0 %"] * 2
    assert rows["Policy"][1] == "Energy kWh"


def test_changes_over_unlike_hours_say_so_one_by_one() -> None:
    results = partly_known(RESULTS)
    rows = [_over(each, 3) if each.policy == "freesh" else each for each in results.summary.comparisons]
    told = rows_of(replace(results, summary=replace(results.summary, comparisons=tuple(rows))))
    assert told["Policy"][4] == "Cost change"
    assert told["FREESH"][4] == "\N{MINUS SIGN}50.0 % 3 of 6 hours"
    assert told["one mixed pool"][4] == "\N{MINUS SIGN}50.0 % 5 of 6 hours"


def _over(compared: Comparison, hours: int) -> Comparison:
    return replace(compared, cost_hours=hours)


def test_what_is_known_in_no_hour_is_not_known() -> None:
    runs = tuple(replace(each, cost_usd=None) for each in RESULTS.runs)
    rows = rows_of(compared(replace(RESULTS, runs=runs), cost=None, cost_hours=0))
    assert {rows[name][4] for name in ("reference", "one mixed pool", "FREESH")} == {"not known"}


def test_absolute_times_have_their_columns() -> None:
    runs = tuple(replace(each, attainment_relaxed=0.75, attainment_tight=0.25) for each in RESULTS.runs)
    rows = rows_of(replace(RESULTS, runs=runs))
    heads = [rows["Policy"].index(each) for each in ("TTFT ≤ 2 s, TBT ≤ 200 ms", "TTFT ≤ 450 ms, TBT ≤ 40 ms")]
    assert [rows["FREESH"][k] for k in heads] == ["75.00 %", "25.00 %"]
