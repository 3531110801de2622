"""The paper's three requests, under the runtime's own scheduler."""

from freesh_plugin.runtime.policy import Policy
from models.evaluate.report.toy import toy_run


def test_least_laxity_first_lets_the_short_ones_by() -> None:
    """The golden case of tests/golden/schedules/01_figure_4_llf.json."""
    run = toy_run(Policy.LLF)
    assert run.served == (0, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert [run.first_s(each) for each in range(3)] == [1, 1, 2]
    assert [run.latency_s(each) for each in range(3)] == [13, 2, 2]


def test_first_come_first_served_lets_the_long_one_block() -> None:
    run = toy_run(Policy.FCFS)
    assert run.served == (0,) * 10 + (1, 1, 2)
    assert [run.first_s(each) for each in range(3)] == [1, 10, 11]
    assert run.slowdowns == [1, 5.5, 11]
