"""Markup that escapes text, and nothing else."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from models.evaluate.report.markup import Markup, joined, tag


def test_text_is_escaped_and_markup_is_not() -> None:
    assert tag("p", "a < b & c", tag("b", "d")) == "<p>a &lt; b &amp; c<b>d</b></p>"


def test_attributes_are_named_as_in_html() -> None:
    assert tag("circle", cx=1.5, cy=2.0, r=3, class_="dot", aria_label='"x"', title=None) == (
        '<circle cx="1.5" cy="2" r="3" class="dot" aria-label="&quot;x&quot;"/>'
    )


def test_children_may_be_nested() -> None:
    assert tag("td", ("a", [tag("br"), "b"])) == "<td>a<br/>b</td>"
    assert joined(("a", Markup("<i></i>")), " ") == "a <i></i>"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))), st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_whatever_is_written_reads_back(text: str, attribute: str) -> None:
    read = ElementTree.fromstring(tag("p", text, title=attribute))
    assert (read.text or "", read.get("title")) == (text, attribute)
