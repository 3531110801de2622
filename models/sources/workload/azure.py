"""Azure's public traces of LLM inference: `TIMESTAMP,ContextTokens,GeneratedTokens`, one row a request."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from heapq import merge
from operator import itemgetter
from pathlib import Path

from freesh_plugin.core.errors import SourceError
from models.domain.workload import WorkloadRequest
from models.sources.workload.dressing import exact
from models.sources.workload.trace_table import TraceRow, read_rows

SOURCE = "Azure LLM inference trace, Azure/AzurePublicDataset, CC-BY-4.0"

ANY_LENGTH = 10_000_000
"""As a limit of answers: none."""

_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_Sent = tuple[float, int, int]
"""Seconds since 1970, prompt and answer tokens."""


def azure_requests(paths: Sequence[Path], max_new_tokens: int) -> Iterator[WorkloadRequest]:
    """Requests of all files together, by arrival; the earliest is at 0. Longer answers end at `max_new_tokens`.

    Raises:
        SourceError: a file or row that is wrong, or times that go back.
    """
    start_s = min(_first(path) for path in paths)
    for time_s, prompt, answer in merge(*map(_sent, paths), key=itemgetter(0)):
        answer = min(answer, max_new_tokens)
        yield WorkloadRequest(time_s - start_s, prompt, answer, max_new_tokens, exact(answer))


def azure_files(path: Path) -> list[Path]:
    """The file, or the traces in a folder.

    Raises:
        SourceError: the folder has none.
    """
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("AzureLLMInferenceTrace_*.csv*"))
    if not files:
        raise SourceError(f"{path}: no file AzureLLMInferenceTrace_*.csv in the folder")
    return files


def _first(path: Path) -> float:
    return next(_sent(path))[0]


def _sent(path: Path) -> Iterator[_Sent]:
    last_s = -1.0
    for row in read_rows(path, _COLUMNS):
        time_s = _time_s(row)
        if time_s < last_s:
            raise row.fault("TIMESTAMP", "earlier than the row before; rows must be in order of time")
        last_s = time_s
        yield time_s, row.tokens("ContextTokens"), row.tokens("GeneratedTokens")


def _time_s(row: TraceRow) -> float:
    cell = row.text("TIMESTAMP")
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError as error:
        raise row.fault("TIMESTAMP", f"{cell!r} is not a time such as 2023-11-16 18:15:46.680590") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
