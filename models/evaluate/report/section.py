"""Parts of the page: a section with its heading, a figure for wide and for narrow screens, a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.evaluate.report.markup import Child, Markup, joined, tag

WIDE_PX, NARROW_PX = 860, 360

Draw = Callable[[int], Markup]
"""Draws at a width in pixels."""


@dataclass(frozen=True)
class Section:
    """A section: its anchor, what the contents list calls it, its heading, and what is in it."""

    anchor: str
    name: str
    heading: str
    body: Markup

    def markup(self) -> Markup:
        """The section."""
        return tag("section", tag("h2", self.heading), self.body, id=self.anchor)


def figure(title: str, draw: Draw, caption: Child = "") -> Markup:
    """A picture under its title, in two widths of which one is shown; what it shows is said below it."""
    return tag(
        "figure",
        tag("figcaption", tag("strong", title)),
        tag("div", draw(WIDE_PX), class_="wide"),
        tag("div", draw(NARROW_PX), class_="narrow"),
        tag("p", caption, class_="caption") if caption else "",
    )


def table(
    caption: str,
    heads: Sequence[Child],
    rows: Sequence[Sequence[Child]],
    *,
    marked: Sequence[str | None] = (),
    texts: Sequence[int] = (0,),
) -> Markup:
    """A table whose columns are numbers but for those in `texts`; `marked` are classes of rows."""
    classes = [*marked, *[None] * (len(rows) - len(marked))]
    head = tag("tr", *(tag("th", each, scope="col", class_=_kind(k, texts)) for k, each in enumerate(heads)))
    body = [_row(row, class_, texts) for row, class_ in zip(rows, classes, strict=True)]
    whole = tag("table", tag("thead", head), tag("tbody", *body), aria_label=caption)
    return stack(
        tag("p", caption, class_="title"),
        tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption),
    )


def legend(entries: Sequence[tuple[str, str]]) -> Markup:
    """Names beside their colours."""
    return tag("p", *(tag("span", tag("i", class_=class_), name) for name, class_ in entries), class_="legend")


def paragraph(*children: Child, class_: str | None = None) -> Markup:
    """A paragraph."""
    return tag("p", *children, class_=class_)


def items(children: Sequence[Child]) -> Markup:
    """A list of sentences."""
    return tag("ul", *(tag("li", each) for each in children))


def stack(*children: Child) -> Markup:
    """Parts one below another."""
    return joined(children, "\n")


def _row(row: Sequence[Child], class_: str | None, texts: Sequence[int]) -> Markup:
    cells = [tag("td", each, class_=_kind(k, texts)) for k, each in enumerate(row[1:], start=1)]
    return tag("tr", tag("th", row[0], scope="row"), *cells, class_=class_)


def _kind(column: int, texts: Sequence[int]) -> str | None:
    return None if column in texts else "number"
