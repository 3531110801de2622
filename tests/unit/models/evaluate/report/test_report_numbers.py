"""Numbers as people read them."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluate.outcome_rows import Estimate
from models.evaluate.report.numbers import (
    NOT_KNOWN,
    change,
    change_estimate,
    number,
    percent,
    seconds,
    signed,
    significant,
)

NBSP, MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (-0.286, f"{MINUS}28.6{NBSP}%"),
        (0.0312, f"+3.1{NBSP}%"),
        (0.0, f"0.0{NBSP}%"),
        (-0.0001, f"0.0{NBSP}%"),
        (None, NOT_KNOWN),
        (nan, NOT_KNOWN),
    ],
)
def test_a_change_has_its_sign_and_zero_has_none(share: float | None, text: str) -> None:
    assert change(share) == text


def test_a_change_is_told_with_its_interval() -> None:
    told = change_estimate(Estimate(-0.312, -0.33, -0.281))
    assert told == f"{MINUS}31.2{NBSP}% ({MINUS}33.0 to {MINUS}28.1{NBSP}%)"
    assert change_estimate(Estimate(-0.312)) == f"{MINUS}31.2{NBSP}%"
    assert change_estimate(None) == NOT_KNOWN


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1,234"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.1234, "0.123"), (-12.34, f"{MINUS}12.3")],
)
def test_quantities_have_about_three_digits(value: float, text: str) -> None:
    assert significant(value) == text


def test_a_change_of_a_quantity_has_its_sign() -> None:
    assert signed(2.0, "kWh") == f"+2.00{NBSP}kWh"
    assert signed(-2.0, "kWh") == f"{MINUS}2.00{NBSP}kWh"
    assert signed(0.0) == "0.000"
    assert signed(0.0003, "kg CO2e") == f"0.000{NBSP}kg CO2e"


def test_times_below_a_second_are_in_milliseconds() -> None:
    assert (seconds(0.0312), seconds(3.14), seconds(nan)) == (f"31{NBSP}ms", f"3.1{NBSP}s", NOT_KNOWN)


@given(st.sampled_from([None, nan, inf, -inf]))
def test_what_is_no_number_is_not_known(value: float | None) -> None:
    assert {number(value), significant(value), percent(value), signed(value), seconds(value)} == {NOT_KNOWN}


@given(st.floats(-1e12, 1e12))
def test_no_zero_has_a_sign(value: float) -> None:
    for text in (number(value, 2), change(value / 1e12), signed(value)):
        if text[0] in f"+{MINUS}":
            assert any(each in "123456789" for each in text)
