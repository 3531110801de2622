"""Names as people say them, with a way back to those of the files."""

import pytest

from models.evaluate.report.names import hour_words, words
from models.evaluate.report.page import page
from tests.fakes.made_up_results import POLICIES, made_up_results


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("one_mixed_pool", "one mixed pool"),
        ("rightsized_min_energy", "right-sized for least energy"),
        ("freesh", "FREESH"),
        ("freesh_perfect", "clairvoyant FREESH"),
        ("dynamollm_like", "DynamoLLM-like"),
        ("bursts", "bursty"),
        ("low-spread", "low spread"),
        ("residency_locked", "residency-locked"),
        ("slow_start", "slow start"),
        ("low-spread-report-3", "low spread 3"),
        ("residency-locked-tune-1", "residency-locked tune 1"),
        ("2026-01-03", "2026-01-03"),
    ],
)
def test_names_are_said_as_people_say_them(name: str, said: str) -> None:
    assert words(name) == said


@pytest.mark.parametrize(
    ("hour", "scenario", "said"),
    [
        ("bursts-report-1", "bursts", "bursts 1"),
        ("low_spread_2", "low_spread", "low spread 2"),
        ("hour-1", "demo", "hour 1 (demo)"),
    ],
)
def test_an_hour_says_its_kind_once(hour: str, scenario: str, said: str) -> None:
    assert hour_words(hour, scenario) == said


def test_no_two_policies_are_said_alike() -> None:
    assert len({words(each) for each in POLICIES}) == len(POLICIES)


def test_the_page_has_every_name_of_the_files_too() -> None:
    results = made_up_results(hours=1)
    text = page(results)
    for name in (*results.policies, *(each.hour for each in results.summary.hours)):
        assert f"<code>{name}</code>" in text
