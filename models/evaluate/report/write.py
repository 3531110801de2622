"""Writes the page into a folder of results, beside its tables."""

from pathlib import Path

from models.evaluate.report.page import page
from models.evaluate.report.results import read_results
from models.evaluate.report.tables import ResultsError

REPORT = "report.html"


def write_report(folder: Path) -> Path:
    """Read the results in a folder and write the page beside them.

    Raises:
        ResultsError: a file of the results is missing or wrong, or the page cannot be written.
    """
    path = folder / REPORT
    text = page(read_results(folder))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error.strerror}") from error
    return path
