"""How to make the page again: command, version, inputs and files."""

from models.evaluate.report.markup import Markup, tag
from models.evaluate.report.results import BOUNDS, CLASSES, LAYERS, RUNS, SERIES, SUMMARY, TRADEOFF, Results
from models.evaluate.report.section import paragraph, stack, table

_FILES = (RUNS, CLASSES, SERIES, LAYERS, BOUNDS, TRADEOFF, SUMMARY)


def provenance(results: Results) -> Markup:
    """Command, version, inputs and files."""
    summary = results.summary
    rows = [(name, tag("code", digest)) for name, digest in summary.inputs.items()]
    links = [part for name in _FILES for part in (tag("a", name, href=name), " ")]
    return stack(
        paragraph(tag("code", summary.command)),
        paragraph(f"Version {summary.version}, {summary.made_at}; seeds {', '.join(map(str, summary.seeds))}."),
        table("Inputs", ("File", "SHA-256"), rows, texts=(0, 1)) if rows else "",
        paragraph("Rows behind this page: ", *links),
    )
