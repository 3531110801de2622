"""one_line: whatever comes over the network fits on one line of a log or a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.printable import one_line


def test_control_characters_are_escaped_and_letters_kept() -> None:
    assert one_line("Köln\n\x1b[31mred\u2028\u202e") == "Köln\\n\\x1b[31mred\\u2028\\u202e"


def test_the_end_is_cut_off_with_a_sign() -> None:
    assert one_line("a" * 11, limit=10) == "a" * 9 + "…"
    assert one_line("a" * 10, limit=10) == "a" * 10


@given(st.text(), st.integers(1, 40))
def test_any_text_becomes_one_short_printable_line(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert line.isprintable()
    assert len(line) <= limit
