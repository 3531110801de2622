"""What a process is told by when it is to end, as a socket that can be waited for beside others."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def ended_by_signals() -> Iterator[socket.socket]:
    """A socket that can be read once SIGTERM, SIGINT or SIGHUP has come."""
    awaited, told = socket.socketpair()
    with awaited, told:
        told.setblocking(False)
        # The socket first: a signal that came between would be told to nobody.
        before_fd = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        before = {number: signal.signal(number, lambda *_: None) for number in _ENDING}
        try:
            yield awaited
        finally:
            signal.set_wakeup_fd(before_fd)
            for number, handler in before.items():
                signal.signal(number, handler)
