"""How to make the page again: command, version, inputs and files."""

import re
from collections.abc import Sequence
from itertools import pairwise

from models.evaluate.report.markup import Markup, joined, tag
from models.evaluate.report.names import hour_words
from models.evaluate.report.results import BOUNDS, CLASSES, LAYERS, RUNS, SERIES, SUMMARY, TRADEOFF, Results
from models.evaluate.report.section import paragraph, stack, table

_FILES = (RUNS, CLASSES, SERIES, LAYERS, BOUNDS, TRADEOFF, SUMMARY)
_LINE, _FOLDED = 92, 3
"""Letters of a line of the command, and lines beyond which it is folded."""
_OPTION = re.compile(r"(?<! ) (?=-)")
"""Before an option, where a command may be broken."""


def provenance(results: Results) -> Markup:
    """Command, version, inputs and files."""
    summary = results.summary
    rows = [(name, tag("code", digest)) for name, digest in summary.inputs.items()]
    links = [part for name in _FILES for part in (tag("a", name, href=name), " ")]
    return stack(
        _command(summary.command),
        paragraph(f"Version {summary.version}, {summary.made_at}; seeds {ranges(summary.seeds)}."),
        table("Inputs", ("File", "SHA-256"), rows, texts=(0, 1)) if rows else "",
        paragraph("Rows behind this page: ", *links),
        _hours(results),
    )


def broken(command: str) -> list[str]:
    """A command in lines that a shell reads as one, none broken between an option and its value."""
    lines: list[str] = []
    for part in _OPTION.split(command):
        if lines and len(lines[-1]) + 1 + len(part) <= _LINE:
            lines[-1] += f" {part}"
        else:
            lines.append(f"  {part}" if lines else part)
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def ranges(numbers: Sequence[int]) -> str:
    """Rising numbers, those that follow each other as a range: 1, 4 to 6."""
    starts = [b for a, b in pairwise(numbers) if b != a + 1]
    ends = [a for a, b in pairwise(numbers) if b != a + 1]
    spans = zip([*numbers[:1], *starts], [*ends, *numbers[-1:]], strict=True)
    return ", ".join(_span(first, last) for first, last in spans)


def _span(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first}{', ' if last == first + 1 else ' to '}{last}"


def _command(command: str) -> Markup:
    """The command, folded where it is long."""
    lines = broken(command)
    whole = tag("pre", tag("code", joined(map(_unbroken, lines), "\n")), tabindex=0)
    return tag("details", tag("summary", "The command"), whole) if len(lines) > _FOLDED else whole


def _unbroken(line: str) -> Markup:
    """A line that a narrow screen breaks between options alone."""
    return joined((tag("span", part) for part in _OPTION.split(line)), " ")


def _hours(results: Results) -> Markup:
    """What the files call the hours of this page."""
    named = [(hour_words(each.hour, each.scenario), each.hour) for each in results.summary.hours]
    rows = [(said, tag("code", name)) for said, name in dict.fromkeys(named)]
    listed = table("Hours of this page, and in the files", ("Hour", "In the files"), rows, texts=(0, 1))
    return tag("details", tag("summary", "What the files call these hours"), listed) if rows else Markup()
