"""One connection to a helper process, and the process itself where it is a child of ours."""

import select
import socket
import subprocess

from freesh_plugin.adapters.gpu.helper_frames import FrameBuffer, HelperFrameError, Reply, Request, as_reply, frame


class Link:
    """Asks and is answered, one question at a time.

    Attributes:
        child: The helper, where it is one of our own.
        used: Whether it may ever have held a clock.
    """

    def __init__(self, end: socket.socket, child: "subprocess.Popen[bytes] | None" = None) -> None:
        """Talk over a connected socket."""
        self.child = child
        self.used = False
        self._socket = end
        self._frames = FrameBuffer()

    @property
    def ended(self) -> bool:
        """Whether the other end is gone, or says what nobody asked."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def ask(self, request: Request, within_s: float) -> Reply:
        """What the helper answers.

        Raises:
            TimeoutError: nothing, in time.
            OSError: it is gone.
            HelperFrameError: it is gone, or it is no answer.
        """
        self._socket.settimeout(within_s)
        self._socket.sendall(frame(request))
        return self.said(within_s)

    def said(self, within_s: float) -> Reply:
        """What the helper says next; its first word comes unasked. Raises as `ask`."""
        self._socket.settimeout(within_s)
        while True:
            data = self._socket.recv(65_536)
            if not data:
                raise HelperFrameError("it closed the connection")
            for body in self._frames.feed(data):
                return as_reply(body)

    def close(self) -> None:
        """End the connection: the helper frees what we hold."""
        self._socket.close()

    def await_end(self, within_s: float | None = None) -> int | None:
        """The exit status of a child without a connection, 0 if all is free; None if it lives on, or is no child.

        It is never killed: it frees clocks for as long as it lives.
        """
        if self.child is None:
            return None
        try:
            return self.child.wait(within_s)
        except subprocess.TimeoutExpired:
            return None
