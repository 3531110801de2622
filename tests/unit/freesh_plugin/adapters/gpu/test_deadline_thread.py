"""Calls that may hang, in a thread that may be left behind."""

import threading
import time

import pytest

from freesh_plugin.adapters.gpu.deadline_thread import DeadlineThread
from freesh_plugin.core.gpu import GpuError, GpuFailure

LONG_S = 60.0
SHORT_S = 0.01


def test_answers_and_errors_come_back() -> None:
    thread = DeadlineThread("t")

    def fail() -> None:
        raise TimeoutError("of the work itself")

    assert thread.call("g", lambda: 3, LONG_S) == 3
    with pytest.raises(TimeoutError, match="of the work itself"):
        thread.call("g", fail, LONG_S)
    assert not thread.hung
    thread.close()


def test_a_hang_is_an_error_and_what_waits_behind_it_never_runs() -> None:
    thread = DeadlineThread("t")
    over = threading.Event()
    late: list[str] = []
    with pytest.raises(GpuError, match="no answer") as caught:
        thread.call("g", over.wait, SHORT_S)
    assert caught.value.failure is GpuFailure.TIMED_OUT
    assert thread.hung
    with pytest.raises(GpuError, match="a call before it hangs"):
        thread.call("g", lambda: late.append("ran"), LONG_S)
    over.set()
    assert _again(thread)
    assert late == []
    thread.close()


def _again(thread: DeadlineThread) -> bool:
    """The hung call has been let go: soon the thread answers again."""
    end_s = time.monotonic() + LONG_S
    while thread.hung:
        assert time.monotonic() < end_s
        time.sleep(0.005)
    return thread.call("g", lambda: True, LONG_S)
