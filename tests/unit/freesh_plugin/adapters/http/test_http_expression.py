"""Regular expressions of clients: what shards can enforce passes, without its outer anchors; the rest is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.adapters.tgi.http.expression import ExpressionError, checked_expression


@pytest.mark.parametrize(
    ("given_", "taken"),
    [
        ("[a-z]{3}", "[a-z]{3}"),
        ("^a$", "a"),
        (r"^a\$", r"a\$"),
        (r"^a\\$", r"a\\"),
        (r"((25[0-5]|2[0-4]\d|[01]?\d\d?)\.){3}", r"((25[0-5]|2[0-4]\d|[01]?\d\d?)\.){3}"),
        ("(?=a)b|(?!c)(?i:d)", "(?=a)b|(?!c)(?i:d)"),
        ("[[:alpha:]]", "[[:alpha:]]"),
        (r"\\u0041", r"\\u0041"),
        (r"[{]\{a{2}b{,3}c{4,}", r"[{]\{a{2}b{,3}c{4,}"),
        ("(?:a{1,100}){1,100}", "(?:a{1,100}){1,100}"),
        ("", ""),
    ],
)
def test_what_shards_can_enforce_passes(given_: str, taken: str) -> None:
    assert checked_expression(given_) == taken


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("(", "missing ), unterminated subpattern at position 0"),
        ("^a|b$", "an anchor within is not supported"),
        (r"a\b", "an anchor within is not supported"),
        (r"(a)\1", "a reference to a group is not supported"),
        ("(?P<x>a)(?P=x)", "a reference to a group is not supported"),
        ("(a)?(?(1)b|c)", "a condition on a group is not supported"),
        ("(?<=a)b", "a look at what came before is not supported"),
        ("(?<!a)b", "a look at what came before is not supported"),
        ("a*+", "a possessive repetition is not supported"),
        ("(?>a)", "an atomic group is not supported"),
        (r"\u0041", r"'\\u' is not supported here"),
        (r"\N{DIGIT ONE}", r"'\\N' is not supported here"),
        ("(?#c)a", "'(?#' is not supported here"),
        ("(?ix)a", "'(?ix' is not supported here"),
        ("a{1,2", "'{' is not supported here"),
        ("{}", "'{' is not supported here"),
        ("(" * 5_000 + ")" * 5_000, "maximum recursion depth exceeded"),
        ("(a{1,200}){1,200}", "it is 40000 characters long with its repetitions, limit 20000"),
        ("a{1000000000000}", "the repetition number is too large"),
    ],
)
def test_what_they_cannot_enforce_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(ExpressionError, match=f"^{re.escape(reason)}"):
        checked_expression(expression)


@given(st.text(st.sampled_from("ab()[]{}|*+?.^$\\12,:<=!-iu"), max_size=20))
def test_whatever_passes_is_an_expression(text: str) -> None:
    try:
        taken = checked_expression(text)
    except ExpressionError:
        return
    re.compile(taken)
