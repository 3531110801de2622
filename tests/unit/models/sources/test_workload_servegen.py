"""ServeGen's rates: arrivals follow them, holes are missing, lengths come from a named source."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import ConfigError, SourceError
from models.domain.workload import Workload
from models.sources.workload.read import read_workload
from models.sources.workload.read_settings import FromRates, ReadSettings
from models.sources.workload.scaling import Method, Scaling
from models.sources.workload.servegen import client_rates, total_rates


@pytest.fixture
def lengths(tmp_path: Path) -> Path:
    path = tmp_path / "AzureLLMInferenceTrace_mini.csv"
    rows = ["2023-11-16 18:00:00,100,10", "2023-11-16 18:00:01,200,20"]
    path.write_text("\n".join(("TIMESTAMP,ContextTokens,GeneratedTokens", *rows)), encoding="utf-8")
    return path


def totals(folder: Path, rates: list[float]) -> Path:
    path = folder / "rates.csv.gz"
    times = 600 * np.arange(len(rates))
    pd.DataFrame({"model": "m-mid", "t_s": times, "rate": rates}).to_csv(path, index=False)
    return path


def clients(folder: Path, rates: dict[int, list[float]], cv: float = 1.0) -> Path:
    path = folder / "clients.parquet"
    rows = [
        {"model": "m-small", "client": client, "t_s": 600 * window, "rate": rate, "cv": cv if rate else 0.0}
        for client, own in rates.items()
        for window, rate in enumerate(own)
    ]
    pd.DataFrame(rows).to_parquet(path, index=False)
    return path


def counts(workload: Workload, width_s: float = 600.0) -> list[int]:
    arrivals = [each.arrival_s for each in workload.requests()]
    assert arrivals == sorted(arrivals)
    return [int(each) for each in np.histogram(arrivals, np.arange(0.0, workload.duration_s + 1, width_s))[0]]


def test_arrivals_follow_the_rate_with_straight_lines_between_windows(tmp_path: Path, lengths: Path) -> None:
    path = totals(tmp_path, [4.0, 4.0, 16.0, 16.0])
    workload = read_workload("servegen", path, ReadSettings(rates=FromRates(lengths)))
    # Between the middles of the second and third window the rate rises from 4 to 16: 5.5 and 14.5 on average there.
    expected = [2_400, 600 * 5.5, 600 * 14.5, 9_600]
    assert counts(workload) == pytest.approx(expected, rel=0.06)
    assert workload.duration_s == 2_400.0
    assert workload.scaling == ""


def test_a_part_is_scaled_to_the_mean_that_is_asked_for(tmp_path: Path, lengths: Path) -> None:
    path = totals(tmp_path, [900.0, 1_000.0, 1_000.0, 900.0])
    settings = ReadSettings(600.0, 1_200.0, rates=FromRates(lengths, mean_rps=5.0, seed=4))
    workload = read_workload("servegen", path, settings)
    assert sum(counts(workload)) == pytest.approx(6_000, rel=0.05)
    assert workload.scaling.startswith("rates x 0.005")
    assert workload.dispersion_after == pytest.approx(1.0, abs=0.15)


def test_holes_are_bridged_and_said(tmp_path: Path, lengths: Path) -> None:
    path = totals(tmp_path, [5.0, 0.0, 0.0, 5.0])
    workload = read_workload("servegen", path, ReadSettings(rates=FromRates(lengths)))
    assert counts(workload) == pytest.approx([3_000] * 4, rel=0.08)
    assert "2 missing windows bridged" in workload.source
    assert np.isnan(total_rates(path, "m-mid").rates).tolist() == [False, True, True, False]


def test_variation_between_arrivals_is_as_stated(tmp_path: Path, lengths: Path) -> None:
    path = totals(tmp_path, [10.0] * 3)
    for cv in (0.5, 1.0, 2.0):
        workload = read_workload("servegen", path, ReadSettings(rates=FromRates(lengths, cv=cv, seed=2)))
        gaps = np.diff([each.arrival_s for each in workload.requests()])
        assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.08)
        assert gaps.mean() == pytest.approx(1 / 10, rel=0.08)


def test_pairs_of_lengths_stay_together(tmp_path: Path, lengths: Path) -> None:
    settings = ReadSettings(rates=FromRates(lengths, mean_rps=2.0))
    workload = read_workload("servegen", totals(tmp_path, [10.0, 10.0]), settings)
    pairs = Counter((each.prompt_tokens, each.answer_tokens) for each in workload.requests())
    assert set(pairs) == {(100, 10), (200, 20)}
    assert "AzureLLMInferenceTrace_mini.csv" in workload.source


def test_clients_have_their_own_rates_and_lengths(tmp_path: Path, lengths: Path) -> None:
    path = clients(tmp_path, {3: [6.0, 6.0, 0.0], 7: [2.0, 2.0, 0.0], 9: [0.0, 0.0, 0.0]})
    table = tmp_path / "quantiles.parquet"
    levels = ("p05", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p999")
    rows = [
        {"model": "m-small", "client": 3, "t_s": 0, "field": field} | dict.fromkeys(levels, tokens)
        for field, tokens in (("input_tokens", 77.0), ("output_tokens", 33.0))
    ]
    pd.DataFrame(rows).to_parquet(table, index=False)
    rates = FromRates(lengths, "m-small", quantiles=table)
    workload = read_workload("servegen", path, ReadSettings(0.0, 1_200.0, rates=rates))
    by_client = Counter(each.client for each in workload.requests())
    assert set(by_client) == {3, 7}, "the trace's clients, not made ones"
    assert by_client[3] == pytest.approx(7_200, rel=0.1)
    assert {(each.prompt_tokens, each.answer_tokens) for each in workload.requests() if each.client == 3} == {(77, 33)}
    assert {each.prompt_tokens for each in workload.requests() if each.client == 7} == {100, 200}
    assert np.isnan(client_rates(path, "m-small")[3].rates.rates).tolist() == [False, False, True], (
        "nobody sends: a hole"
    )


def test_quantiles_are_met(tmp_path: Path, lengths: Path) -> None:
    path = clients(tmp_path, {1: [10.0] * 3})
    levels = {"p05": 10, "p10": 12, "p25": 20, "p50": 40, "p75": 90, "p90": 200, "p95": 300, "p99": 900, "p999": 4_000}
    fields = ("input_tokens", "output_tokens")
    rows = [{"model": "m-small", "client": 1, "t_s": 0, "field": field} | levels for field in fields]
    table = tmp_path / "quantiles.parquet"
    pd.DataFrame(rows).to_parquet(table, index=False)
    settings = ReadSettings(rates=FromRates(lengths, "m-small", quantiles=table))
    prompts = [each.prompt_tokens for each in read_workload("servegen", path, settings).requests()]
    assert np.percentile(prompts, [25, 50, 75, 90]) == pytest.approx([20, 40, 90, 200], rel=0.05)
    assert min(prompts) == 10
    assert max(prompts) <= 4_000


def test_what_cannot_be_is_refused(tmp_path: Path, lengths: Path) -> None:
    path = totals(tmp_path, [10.0, 10.0])
    good = FromRates(lengths)
    with pytest.raises(ConfigError, match="needs them"):
        read_workload("servegen", path)
    with pytest.raises(ConfigError, match="the trace ends at 1200 s"):
        read_workload("servegen", path, ReadSettings(duration_s=1_300.0, rates=good))
    with pytest.raises(SourceError, match=r"no model 'm-med'; nearest known name is 'm-mid'"):
        read_workload("servegen", path, ReadSettings(rates=FromRates(lengths, "m-med")))
    with pytest.raises(ConfigError, match="mean_rps, not by thinned"):
        read_workload("servegen", path, ReadSettings(rates=good, scaling=Scaling(Method.THINNED, 0.5)))
    with pytest.raises(ConfigError, match="quantiles are by client"):
        read_workload("servegen", path, ReadSettings(rates=FromRates(lengths, quantiles=path)))
    with pytest.raises(SourceError, match="no such file"):
        read_workload("servegen", tmp_path / "absent.csv", ReadSettings(rates=good))
    with pytest.raises(SourceError, match="every window"):
        read_workload("servegen", totals(tmp_path, [0.0, 0.0]), ReadSettings(rates=good))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("model,t_s,rates\nm-mid,0,1\n", "column 'rate' is missing; nearest known name is 'rates'"),
        ("model,t_s,rate\nm-mid,30,1\n", "other starts than multiples of 600 s"),
        ("model,t_s,rate\nm-mid,0,-1\n", "a negative rate"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, lengths: Path, table: str, message: str) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(table, encoding="utf-8")
    with pytest.raises(SourceError, match=message):
        read_workload("servegen", path, ReadSettings(rates=FromRates(lengths)))


@pytest.mark.data
def test_the_public_rates_have_the_holes_that_are_known(freesh_data: Path) -> None:
    path = freesh_data / "traffic" / "servegen_total_rate_10min.csv.gz"
    holes = {name: int(np.isnan(total_rates(path, name).rates).sum()) for name in ("m-mid", "m-small")}
    # 84 and 37 rows of rate 0, as the folder's description says.
    assert holes == {"m-mid": 84, "m-small": 37}


@pytest.mark.data
def test_an_hour_of_the_public_clients(freesh_data: Path) -> None:
    traffic = freesh_data / "traffic"
    rates = FromRates(
        traffic / "azure_llm_2023", "m-small", traffic / "servegen_length_quantiles_6h.parquet", mean_rps=5.0
    )
    path = traffic / "servegen_m-small_client_rates_10min.parquet"
    workload = read_workload("servegen", path, ReadSettings(8 * 86_400.0, 3_600.0, rates=rates))
    assert sum(counts(workload)) == pytest.approx(18_000, rel=0.1)
    assert len({each.client for each in workload.requests()}) > 10
