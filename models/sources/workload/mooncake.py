"""Mooncake's public traces: JSON lines with the names of each prompt's leading blocks, so that prefixes are known."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from freesh_plugin.core.errors import SourceError
from models.domain.workload import PREFIX_BLOCK_TOKENS, WorkloadRequest
from models.sources.scenario.spot import nearest
from models.sources.workload.dressing import exact
from models.sources.workload.trace_table import MOST_TOKENS, reading

SOURCE = "Mooncake trace, kvcache-ai/Mooncake, Apache-2.0"

_KEYS = ("timestamp", "input_length", "output_length", "hash_ids")
_Sent = tuple[float, int, int, list[int]]
"""Seconds, prompt and answer tokens, names of the prompt's blocks."""


def mooncake_requests(path: Path, max_new_tokens: int) -> Iterator[WorkloadRequest]:
    """Requests by arrival, the first at 0, with sessions; longer answers end at `max_new_tokens`.

    Raises:
        SourceError: a file or line that is wrong, or times that go back.
    """
    sessions = BlockSessions()
    start_s = None
    for time_s, prompt, answer, blocks in _sent(path):
        start_s = time_s if start_s is None else start_s
        answer = min(answer, max_new_tokens)
        # A last block that the prompt does not fill is left out: another prompt may go on differently in it.
        whole = tuple(blocks[: prompt // PREFIX_BLOCK_TOKENS])
        yield WorkloadRequest(
            time_s - start_s, prompt, answer, max_new_tokens, exact(answer),
            session=sessions.of(whole), prefix=whole,
        )  # fmt: skip


class BlockSessions:
    """Tells which requests belong together: a prompt that begins with most of an earlier one goes on with it.

    At least half of the earlier prompt's whole blocks must be in it, so that a short instruction that many prompts
    begin with does not make all of them one session.
    """

    def __init__(self) -> None:
        self._owners: dict[int, tuple[int, int]] = {}
        """Block to the session that last had it, and how many blocks that prompt had."""
        self._last = 0

    def of(self, blocks: tuple[int, ...]) -> int:
        """Session of a prompt by its whole leading blocks; 0 where it has none."""
        if not blocks:
            return 0
        shared = next((index for index, name in enumerate(blocks) if name not in self._owners), len(blocks))
        session, earlier = self._owners[blocks[shared - 1]] if shared else (0, 0)
        if not shared or 2 * shared < earlier:
            self._last += 1
            session = self._last
        self._owners.update(dict.fromkeys(blocks, (session, len(blocks))))
        return session


def _sent(path: Path) -> Iterator[_Sent]:
    with reading(path), _open(path) as file:
        last_s, empty = 0.0, True
        for number, line in enumerate(file, start=1):
            if line.strip():
                sent = _parsed(f"{path}, line {number}", line)
                if sent[0] < last_s:
                    raise SourceError(f"{path}, line {number}: timestamp is before that of the line before")
                last_s, empty = sent[0], False
                yield sent
    if empty:
        raise SourceError(f"{path}: no line holds a request")


def _open(path: Path) -> TextIO:
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def _parsed(where: str, line: str) -> _Sent:
    try:
        found = json.loads(line)
    except json.JSONDecodeError as error:
        raise SourceError(f"{where}: not JSON: {error.msg}") from error
    if not isinstance(found, dict):
        raise SourceError(f"{where}: not a JSON object")
    for key in found:
        if key not in _KEYS:
            raise SourceError(f"{where}: unknown key {key!r}{nearest(str(key), _KEYS)}")
    time_ms, prompt, answer = (_whole(where, found, key) for key in _KEYS[:3])
    blocks = found.get("hash_ids", [])
    if not isinstance(blocks, list) or not all(isinstance(each, int) for each in blocks):
        raise SourceError(f"{where}: hash_ids is not a list of whole numbers")
    if prompt > MOST_TOKENS or answer > MOST_TOKENS:
        raise SourceError(f"{where}: {max(prompt, answer)} tokens, limit {MOST_TOKENS}")
    return time_ms / 1_000, max(prompt, 1), max(answer, 1), blocks


def _whole(where: str, found: dict[str, object], key: str) -> int:
    value = found.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise SourceError(f"{where}: {key} is {value!r}, not a whole number of at least 0")
    return value
