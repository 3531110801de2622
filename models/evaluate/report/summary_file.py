"""`summary.json`: what was run and what it says, as one JSON object."""

from pathlib import Path

import msgspec

from models.evaluate.outcome_rows import Summary
from models.evaluate.report.tables import ResultsError


def write_summary(path: Path, summary: Summary) -> None:
    """Write the summary, indented for people.

    Raises:
        ResultsError: the file cannot be written.
    """
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=1) + b"\n")
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error.strerror}") from error


def read_summary(path: Path) -> Summary:
    """Read a summary back.

    Raises:
        ResultsError: there is no such file, or it is not a summary.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Summary)
    except (OSError, msgspec.DecodeError) as error:
        raise ResultsError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
