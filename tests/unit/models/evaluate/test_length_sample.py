"""Lengths merged where they are alike: nothing is lost, and nothing crosses a boundary."""

from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.lengths import AnswerLength
from models.capacity import by_class
from models.domain.workload import Workload, WorkloadRequest
from models.evaluate.length_sample import SIDE, length_sample
from models.evaluate.site import PARTITIONS

LENGTHS = st.lists(st.tuples(st.integers(1, 9_000), st.integers(1, 2_000)), min_size=1, max_size=200)


def workload(lengths: list[tuple[int, int]]) -> Workload:
    requests = [
        WorkloadRequest(float(k), prompt, answer, answer, AnswerLength(answer, answer))
        for k, (prompt, answer) in enumerate(lengths)
    ]
    return Workload("made", "synthetic", float(len(lengths)), lambda: iter(requests))


@given(LENGTHS)
def test_requests_and_tokens_are_kept_in_every_class(lengths: list[tuple[int, int]]) -> None:
    sample = length_sample(workload(lengths), PARTITIONS)
    cells = 2 * 3  # prompts by one boundary, answers by two
    assert len(sample) <= cells * SIDE * SIDE
    for partition in PARTITIONS:
        merged = by_class(sample, partition)
        for name in partition.classes:
            own = [(p, a) for p, a in lengths if partition.classify(p, a) == name]
            assert sum(each.weight for each in merged.get(name, ())) == len(own)
            tokens = sum(each.weight * (each.prompt_tokens + each.answer_tokens) for each in merged.get(name, ()))
            assert abs(tokens - sum(p + a for p, a in own)) < 1e-6 * max(tokens, 1.0)


def test_a_few_requests_are_as_they_were() -> None:
    sample = length_sample(workload([(10, 5), (2_000, 300), (20, 600)]), PARTITIONS)
    assert {(each.prompt_tokens, each.answer_tokens, each.weight) for each in sample} == {
        (10.0, 5.0, 1), (2_000.0, 300.0, 1), (20.0, 600.0, 1)
    }  # fmt: skip
