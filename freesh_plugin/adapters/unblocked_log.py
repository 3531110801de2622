"""A log that nobody waits for: lines go to stderr from a thread of their own, and are dropped where nobody reads."""

import logging
import os
import threading
from contextlib import suppress
from queue import Full, Queue

_STDERR = 2


class UnblockedHandler(logging.Handler):
    """Writes lines to a file descriptor. Whoever logs never waits: a full pipe costs lines, not time."""

    def __init__(self, descriptor: int = _STDERR, most_lines: int = 1000, flush_s: float = 0.2) -> None:
        """Start the thread; at most so many lines wait, and `flush` waits at most so long for them."""
        super().__init__()
        self._descriptor = descriptor
        self._flush_s = flush_s
        self._lines: Queue[str] = Queue(most_lines)
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Leave a line to the thread, or drop it."""
        with suppress(Full):
            self._lines.put_nowait(self.format(record) + "\n")

    def flush(self) -> None:
        """Wait a moment for what has not been written."""
        with self._lines.all_tasks_done:
            self._lines.all_tasks_done.wait_for(lambda: not self._lines.unfinished_tasks, self._flush_s)

    def _run(self) -> None:
        while True:
            line = self._lines.get()
            with suppress(OSError):  # nobody reads it any more
                os.write(self._descriptor, line.encode(errors="replace"))
            self._lines.task_done()


def log_unblocked(program: str) -> None:
    """Log this process's events to stderr, under the name of its program."""
    form = f"%(asctime)s %(levelname)s {program} %(message)s"
    logging.basicConfig(level=logging.INFO, format=form, handlers=[UnblockedHandler()])
