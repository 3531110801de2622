"""A log that nobody waits for."""

import logging
import os

from freesh_plugin.adapters.unblocked_log import UnblockedHandler


def logger(handler: logging.Handler, name: str) -> logging.Logger:
    found = logging.Logger(name)
    found.addHandler(handler)
    return found


def test_lines_come_in_order() -> None:
    reading, writing = os.pipe()
    handler = UnblockedHandler(writing, flush_s=20)
    log = logger(handler, "a")
    for number in range(3):
        log.info("event number=%d", number)
    handler.flush()
    assert os.read(reading, 1000) == b"event number=0\nevent number=1\nevent number=2\n"
    os.close(reading)
    os.close(writing)


def test_where_nobody_reads_lines_are_dropped_and_nobody_waits() -> None:
    reading, writing = os.pipe()
    handler = UnblockedHandler(writing, most_lines=10, flush_s=0.01)
    log = logger(handler, "b")
    for _ in range(2000):
        log.info("%s", "x" * 200)
    handler.flush()
    read = os.read(reading, 1 << 20)
    assert 0 < read.count(b"\n") < 2000
