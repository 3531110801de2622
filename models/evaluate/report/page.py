"""The page: its sections in the order in which a manager reads them, in one file that asks for nothing else."""

from functools import cache
from pathlib import Path

from models.evaluate.report.markup import Markup, joined, tag
from models.evaluate.report.names import words
from models.evaluate.report.results import Results
from models.evaluate.report.section import Section
from models.evaluate.report.sections.answer import answer
from models.evaluate.report.sections.classes import classes
from models.evaluate.report.sections.gap import gap
from models.evaluate.report.sections.layers import layers
from models.evaluate.report.sections.limits import method, no_gain
from models.evaluate.report.sections.order import order
from models.evaluate.report.sections.over_time import over_time
from models.evaluate.report.sections.partition import partition
from models.evaluate.report.sections.places import places
from models.evaluate.report.sections.policies import policies
from models.evaluate.report.sections.provenance import provenance
from models.evaluate.report.sections.published import published
from models.evaluate.report.sections.spread import spread_section
from models.evaluate.report.sections.tradeoff import tradeoff

_NOTHING_ELSE = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser lets the page load: its own styles."""


def page(results: Results) -> str:
    """The whole page."""
    title = f"What {words(results.summary.freesh)} would save: simulated"
    return f"<!DOCTYPE html>\n{tag('html', _head(title), tag('body', _body(title, results)), lang='en')}\n"


def sections(results: Results) -> list[Section]:
    """All sections below the answer."""
    return [
        Section("published", "Published", "Beside what was published", published(results)),
        Section("gap", "Gap closed", "How much of the possible is gained", gap(results)),
        Section("policies", "Policies", "Every policy on the same hours", policies(results)),
        Section("layers", "Layers", "Where the change comes from", layers(results)),
        Section("time", "Over time", "Energy and carbon over time", over_time(results)),
        Section("spread", "Grid spread", "What the grids allow", spread_section(results)),
        Section("no-gain", "No gain", "What FREESH does not gain", no_gain(results)),
        Section("classes", "Service", "Service by request class", classes(results)),
        Section(
            "places",
            "Figure 1",
            "The paper's figure 1, from our runs: what grids emit, and where the load went",
            places(results),
        ),
        Section(
            "partition",
            "Figure 2",
            "The paper's figure 2, from our runs: utilisation with and without classes",
            partition(results),
        ),
        Section(
            "tradeoff",
            "Figure 3",
            "The paper's figure 3, from our profiles: power against time, by clock",
            tradeoff(results),
        ),
        Section("order", "Figure 4", "The paper's figure 4, with our scheduler: the order of requests", order(results)),
        Section("method", "Method", "Method and limits", method(results)),
        Section("provenance", "Provenance", "How to make it again", provenance(results)),
    ]


def _head(title: str) -> Markup:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_NOTHING_ELSE),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(_styles())),
    )


def _body(title: str, results: Results) -> Markup:
    parts = sections(results)
    links = [tag("li", tag("a", each.name, href=f"#{each.anchor}")) for each in parts]
    header = tag("header", tag("h1", title), tag("p", results.summary.made_at, class_="when"))
    main = tag("main", answer(results), tag("nav", tag("ol", *links), aria_label="Sections"), *_markups(parts))
    return joined((header, main), "\n")


def _markups(parts: list[Section]) -> list[Markup]:
    return [each.markup() for each in parts]


@cache
def _styles() -> str:
    return (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
