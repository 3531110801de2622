"""Implements `ClockSetter` by the helper process: one of its own, as a child, or the machine's, as a service."""

import contextlib
import logging
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from freesh_plugin.adapters.gpu.helper_frames import (
    Done,
    Failed,
    FrameBuffer,
    HelperFrameError,
    Limit,
    Ready,
    Release,
    Reply,
    Request,
    as_reply,
    frame,
)
from freesh_plugin.core.gpu import GpuError, GpuFailure

log = logging.getLogger(__name__)

SOLE_TENANT = "--sole-tenant"
"""Says to a helper that all instances of a partitioned GPU are its owner's."""

_READY_S = 15.0
_ANSWER_S = 6.0
_END_S = 10.0


@dataclass
class Link:
    """A connection to a helper, and the helper itself where it is a child."""

    socket: socket.socket
    child: "subprocess.Popen[bytes] | None" = None
    used: bool = False
    """Whether it may ever have set a clock."""


def child_helper(run_dir: Path, *, sole_tenant: bool = False) -> Callable[[], Link]:
    """Start a helper of our own: in a session of its own, so that what ends us at a terminal does not end it.

    With `sole_tenant` it sets GPUs that MIG partitions too: all instances are ours.
    """

    def start() -> Link:
        ours, theirs = socket.socketpair()
        with theirs:
            # Not `freesh gpu-helper`: without the command line it is up, and frees what another left, in half the time.
            command = [sys.executable, "-m", "freesh_plugin.services.gpu_helper", str(theirs.fileno()), str(run_dir)]
            command += [SOLE_TENANT] if sole_tenant else []
            child = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        return Link(ours, child)

    return start


def service_helper(path: Path) -> Callable[[], Link]:
    """Connect to the helper that serves this machine."""

    def connect() -> Link:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_ANSWER_S)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            raise
        return Link(connection)

    return connect


class HelperClient:
    """Sets clocks through a helper. Calls block, for a few seconds at most; one at a time, from any thread.

    The helper frees everything when the connection ends, whatever ends it. So after TIMED_OUT or HELPER_GONE nothing
    is held any more, and the next call starts anew. A child that dies is replaced at once, by itself: what it held
    must be freed, and nobody may call for a long time.
    """

    def __init__(self, start: Callable[[], Link], pin: bool = False) -> None:
        """`start` is `child_helper(…)` or `service_helper(…)`; with `pin` clocks are held at, not below."""
        self._start = start
        self._pin = pin
        self._lock = threading.RLock()
        self._link: Link | None = None
        self._former: Link | None = None
        self._frames = FrameBuffer()
        self._lost = False
        self._closed = False

    def open(self) -> None:
        """Connect ahead of the first use, which starting a child would delay.

        Raises:
            GpuError: the helper cannot be started or reached, or refuses us.
        """
        with self._lock:
            self._connected("*")

    def limit_sm_clock_mhz(self, uuids: tuple[str, ...], sm_clock_mhz: int) -> None:
        """Hold these GPUs' SM clocks at or below a supported clock: all, or none.

        Raises:
            GpuError: not done; those that were set are as before, or all free when the helper is gone.
        """
        self._ask(Limit(uuids, sm_clock_mhz, self._pin))

    def release(self, uuids: tuple[str, ...]) -> None:
        """Give these clocks back to the driver.

        Raises:
            GpuError: one could not be; the helper goes on trying.
        """
        self._ask(Release(uuids))

    def close(self) -> None:
        """Give everything back, and wait until a child has done so."""
        with self._lock:
            self._closed = True
            link, self._link = self._link, None
        if link is None:
            return
        link.socket.close()
        _ended_child(link)

    def _ask(self, request: Request) -> None:
        with self._lock:
            uuid = request.uuids[0]
            self._tell_of_loss(uuid)
            link = self._connected(uuid)
            link.used |= isinstance(request, Limit)
            try:
                link.socket.sendall(frame(request))
                reply = self._reply(link)
            except TimeoutError as error:
                self._drop()
                raise GpuError(uuid, GpuFailure.TIMED_OUT, f"no answer from the helper in {_ANSWER_S:g} s") from error
            except (OSError, HelperFrameError) as error:
                self._drop()
                raise GpuError(uuid, GpuFailure.HELPER_GONE, str(error)) from error
            if isinstance(reply, Failed):
                if reply.failure is GpuFailure.TIMED_OUT:
                    self._drop()
                raise GpuError(reply.uuid, reply.failure, reply.reason)
            if not isinstance(reply, Done):
                self._drop()
                raise GpuError(uuid, GpuFailure.HELPER_GONE, "it answers out of turn")

    def _tell_of_loss(self, uuid: str) -> None:
        """What was held is free since the helper was lost: say so once, before anything else is asked.

        Raises:
            GpuError: HELPER_GONE.
        """
        if self._link is not None and _ended(self._link.socket):
            self._drop()
            self._lost = True
        if self._lost:
            self._lost = False
            raise GpuError(uuid, GpuFailure.HELPER_GONE, "it ended since the last call, and all clocks are free")

    def _connected(self, uuid: str) -> Link:
        if self._link is None:
            if self._closed:
                raise GpuError(uuid, GpuFailure.HELPER_GONE, "the setter is closed")
            self._link = self._started(uuid)
            if self._link.child is not None:
                threading.Thread(target=self._watch, args=(self._link,), name="gpu-helper-watch", daemon=True).start()
        return self._link

    def _started(self, uuid: str) -> Link:
        self._frames = FrameBuffer()
        link: Link | None = None
        if self._former is not None:
            _ended_child(self._former)  # it has leases until then
            self._former = None
        try:
            link = self._start()
            link.socket.settimeout(_READY_S)
            reply = self._reply(link)
            link.socket.settimeout(_ANSWER_S)
        except (OSError, HelperFrameError) as error:
            _let_go(link)
            raise GpuError(uuid, GpuFailure.HELPER_GONE, f"no helper can be reached: {error}") from error
        if not isinstance(reply, Ready):
            _let_go(link)
            failed = reply if isinstance(reply, Failed) else Failed("*", GpuFailure.OTHER, "it answers out of turn")
            raise GpuError(uuid, failed.failure, failed.reason)
        return link

    def _reply(self, link: Link) -> Reply:
        while True:
            data = link.socket.recv(65_536)
            if not data:
                raise HelperFrameError("it closed the connection")
            for body in self._frames.feed(data):
                return as_reply(body)

    def _drop(self) -> None:
        self._former, self._link = self._link, None
        if self._former is not None:
            self._former.socket.close()

    def _watch(self, link: Link) -> None:
        """Wait for the child's end; when it has not freed what it held, start another, which does so first."""
        assert link.child is not None
        status = link.child.wait()
        with self._lock:
            if self._closed or self._link not in (link, None):
                return
            if self._link is link:
                log.error("gpu_helper_died status=%d", status)
                self._drop()
                self._lost = True
            if status != 0 and link.used:
                with contextlib.suppress(GpuError):  # the next call tries again, and says why not
                    self._connected("*")


def _let_go(link: Link | None) -> None:
    if link is None:
        return
    link.socket.close()
    _ended_child(link)


def _ended_child(link: Link) -> None:
    """Wait for the end of a child that has no connection any more; it is not killed, since it frees the clocks."""
    if link.child is not None:
        try:
            link.child.wait(_END_S)
        except subprocess.TimeoutExpired:
            log.error("gpu_helper_lingers pid=%d", link.child.pid)


def _ended(connection: socket.socket) -> bool:
    """Whether the other end is gone, or says what nobody asked."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
