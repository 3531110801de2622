"""Mooncake's traces: prefixes as the trace names them, sessions by shared leading blocks."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from freesh_plugin.core.errors import SourceError
from models.domain.workload import PREFIX_BLOCK_TOKENS
from models.sources.workload.dressing import Dress
from models.sources.workload.mooncake import BlockSessions
from models.sources.workload.read import read_workload
from models.sources.workload.read_settings import ReadSettings

BARE = ReadSettings(dress=Dress(clients=0))


def line(time_ms: int, prompt: int, answer: int, blocks: list[int]) -> str:
    return json.dumps({"timestamp": time_ms, "input_length": prompt, "output_length": answer, "hash_ids": blocks})


def test_a_request_is_read_with_its_whole_blocks(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl.gz"
    rows = [line(500, 1_100, 7, [4, 5, 6]), line(1_500, 1_300, 0, [4, 5, 9]), line(1_500, 40, 3, [11])]
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    first, second, third = read_workload("mooncake", path, BARE).requests()
    assert (first.arrival_s, first.prompt_tokens, first.answer_tokens) == (0.0, 1_100, 7)
    assert first.prefix == (4, 5), "the third block is not full"
    assert (second.arrival_s, second.answer_tokens) == (1.0, 1)
    assert second.session == first.session > 0
    assert (third.prefix, third.session) == ((), 0)


def test_a_prompt_that_begins_with_most_of_an_earlier_one_goes_on_with_it() -> None:
    sessions = BlockSessions()
    first = sessions.of((1, 2, 3))
    assert sessions.of((1, 2, 3, 4, 5)) == first
    assert sessions.of((1, 2, 3, 4, 5, 6)) == first
    assert sessions.of((7, 8)) != first


def test_a_short_beginning_that_many_share_makes_no_session() -> None:
    sessions = BlockSessions()
    found = [sessions.of((1, *range(10 * at, 10 * at + 5))) for at in range(2, 6)]
    assert len(set(found)) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1: not JSON"),
        ("[1]", "line 1: not a JSON object"),
        ('{"timestamp": 0, "input_lenght": 1}', "unknown key 'input_lenght'; nearest known name is 'input_length'"),
        ('{"timestamp": 0, "input_length": 1}', "output_length is None"),
        ('{"timestamp": -1, "input_length": 1, "output_length": 1}', "timestamp is -1"),
        ('{"timestamp": 0, "input_length": 1, "output_length": 1, "hash_ids": ["a"]}', "hash_ids is not a list"),
        ('{"timestamp": 0, "input_length": 99999999, "output_length": 1}', "99999999 tokens, limit"),
        ("", "no line holds a request"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(SourceError, match=message):
        read_workload("mooncake", path)


def test_times_that_go_back_and_broken_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(line(5, 1, 1, []) + "\n" + line(4, 1, 1, []), encoding="utf-8")
    with pytest.raises(SourceError, match="line 2: timestamp is before"):
        read_workload("mooncake", path)
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b"{}")[:-4])
    with pytest.raises(SourceError, match="cannot be read"):
        read_workload("mooncake", tmp_path / "cut.jsonl.gz")
    with pytest.raises(SourceError, match="no such file"):
        read_workload("mooncake", tmp_path / "absent.jsonl")


@pytest.mark.data
def test_the_public_trace_shares_prefixes(freesh_data: Path) -> None:
    requests = list(read_workload("mooncake", freesh_data / "traffic/mooncake_synthetic.jsonl.gz", BARE).requests())
    assert len(requests) == 3_993
    assert requests[-1].arrival_s == pytest.approx(1_022.0, abs=0.1)
    assert all(PREFIX_BLOCK_TOKENS * len(each.prefix) <= each.prompt_tokens for each in requests)
    sizes = Counter(each.session for each in requests if each.session)
    assert max(sizes.values()) == 24, "no session is made of all requests"
    assert sum(size for size in sizes.values() if size > 1) > 2_000
