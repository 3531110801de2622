"""An operator's own requests: a CSV table with arrival, lengths, and whatever else is known of each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from freesh_plugin.core.errors import SourceError
from models.domain.scenario import ANY_ORIGIN, DEFAULT
from models.domain.workload import WorkloadRequest
from models.sources.workload.conversations import block_names
from models.sources.workload.dressing import exact
from models.sources.workload.known_names import KnownNames
from models.sources.workload.trace_table import TraceRow, header_of, read_rows

OPTIONAL = ("client", "origin", "session", "tier", "model", "max_new_tokens")
TIMES = ("arrival_s", "time")


@dataclass(frozen=True)
class OwnColumns:
    """Which optional columns a table has, and how it states arrivals."""

    time: str
    present: frozenset[str]


def own_columns(path: Path) -> OwnColumns:
    """What the header says.

    Raises:
        SourceError: the file is missing or empty, or has neither or both of `arrival_s` and `time`.
    """
    header = header_of(path)
    stated = [name for name in TIMES if name in header]
    if len(stated) != 1:
        have = "both" if stated else "neither"
        raise SourceError(f"{path}, line 1: {have} of the columns 'arrival_s' and 'time', must be one of them")
    return OwnColumns(stated[0], frozenset(header) & frozenset(OPTIONAL))


def own_requests(path: Path, max_new_tokens: int, names: KnownNames | None = None) -> Iterator[WorkloadRequest]:
    """Requests in order of arrival; with `time` the first is at 0, with `arrival_s` 0 is where the table has it.

    Requests of a session begin alike: each prompt is taken to begin as those before it did, as far as it goes.

    Args:
        path: The table.
        max_new_tokens: Most tokens of an answer, where the table does not say.
        names: Names that rows may bear; None = any.

    Raises:
        SourceError: a header or row that is wrong, a name that is not known, or arrivals that go back.
    """
    columns = own_columns(path)
    when: Callable[[TraceRow], float] = _time_s if columns.time == "time" else _arrival_s
    clients, sessions = _Numbers(first=0), _Numbers(first=1)
    start_s, last_s = None, 0.0
    for row in read_rows(path, (columns.time, "prompt_tokens", "answer_tokens"), OPTIONAL):
        at_s = when(row)
        if start_s is None:
            start_s = at_s if columns.time == "time" else 0.0
        if at_s - start_s < last_s:
            raise row.fault(columns.time, "before the row above; rows must be in order of arrival")
        last_s = at_s - start_s
        model = row.text("model", DEFAULT) if names is None else names.model(row)
        yield _request(row, last_s, max_new_tokens, model, clients, sessions)


class _Numbers:
    """Whole numbers for names, by first appearance; none for an empty name."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._known: dict[str, int] = {}

    def of(self, name: str) -> int:
        return self._known.setdefault(name, self._first + len(self._known)) if name else 0


def _request(
    row: TraceRow, arrival_s: float, max_new_tokens: int, model: str, clients: _Numbers, sessions: _Numbers
) -> WorkloadRequest:
    prompt, answer = row.tokens("prompt_tokens"), row.tokens("answer_tokens")
    most = row.tokens("max_new_tokens") if row.text("max_new_tokens", "") else max_new_tokens
    session = sessions.of(row.text("session", ""))
    answer = min(answer, most)
    return WorkloadRequest(
        arrival_s, prompt, answer, most, exact(answer), row.text("origin", ANY_ORIGIN),
        clients.of(row.text("client", "")), session, block_names(session, prompt) if session else (),
        row.text("tier", DEFAULT), model,
    )  # fmt: skip


def _arrival_s(row: TraceRow) -> float:
    return row.seconds("arrival_s")


def _time_s(row: TraceRow) -> float:
    cell = row.text("time")
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError as error:
        raise row.fault("time", f"{cell!r} is not a time such as 2026-03-01T12:00:00.5Z") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
