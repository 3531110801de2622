"""Implements `ClockSetter` by the helper process: one of its own, as a child, or the machine's, as a service."""

import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from freesh_plugin.adapters.gpu.helper_frames import Done, Failed, HelperFrameError, Limit, Ready, Release, Request
from freesh_plugin.adapters.gpu.helper_link import Link
from freesh_plugin.core.gpu import GpuError, GpuFailure

log = logging.getLogger(__name__)

SOLE_TENANT = "--sole-tenant"
"""Says to a helper that all instances of a partitioned GPU are its owner's."""

_CONNECT_S = 6.0


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
        connection.settimeout(_CONNECT_S)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            raise
        return Link(connection)

    return connect


@dataclass(frozen=True)
class Patience:
    """Seconds that a client waits.

    Attributes:
        ready_s: For a helper's first word.
        answer_s: For an answer, or for another caller's start of a helper.
        former_s: For the end of a child that was given up, which has leases until then.
        end_s: In `close`, until all is free.
        retry_s, most_retry_s: Between two tries to start a helper; doubled from try to try, up to the latter.
    """

    ready_s: float = 15.0
    answer_s: float = 6.0
    former_s: float = 3.0
    end_s: float = 10.0
    retry_s: float = 1.0
    most_retry_s: float = 5.0


class HelperClient:
    """Sets clocks through a helper. Calls block, for a few seconds as a rule; one at a time, from any thread.

    The helper frees everything when the connection ends, whatever ends it, and the next call starts anew. A child that
    ends without having freed what it may hold leaves us a debt: helpers are started, though nobody calls, until one is
    ready, which has taken over what was left.
    """

    def __init__(self, start: Callable[[], Link], pin: bool = False, patience: Patience = Patience()) -> None:
        """`start` is `child_helper(…)` or `service_helper(…)`; with `pin` clocks are held at, not below."""
        self._start = start
        self._pin = pin
        self._patience = patience
        self._lock = threading.RLock()
        self._link: Link | None = None
        self._formers: list[Link] = []  # given up, and not ended as far as is known
        self._lost = False
        self._owing = False
        self._closed = threading.Event()

    def open(self) -> None:
        """Connect ahead of the first use, which starting a child would delay.

        Raises:
            GpuError: the helper cannot be started or reached, or refuses us.
        """
        with self._turn("*"):
            self._connected("*")

    def limit_sm_clock_mhz(self, uuids: tuple[str, ...], sm_clock_mhz: int) -> None:
        """Hold these GPUs' SM clocks at or below a supported clock: all, or none.

        Raises:
            GpuError: not done; those that were set are as before, or freed when the helper is gone.
        """
        with self._turn(uuids[0]):
            link = self._connected(uuids[0])
            self._tell_of_loss(uuids[0])
            link.used = True
            self._ask(link, Limit(uuids, sm_clock_mhz, self._pin))

    def release(self, uuids: tuple[str, ...]) -> None:
        """Give these clocks back to the driver; where the helper was lost, by the one that comes after it.

        Raises:
            GpuError: one could not be; the helper goes on trying.
        """
        with self._turn(uuids[0]):
            link = self._connected(uuids[0])
            try:
                self._ask(link, Release(uuids))
            except GpuError as error:
                if error.failure is not GpuFailure.HELPER_GONE or self._link is not None:
                    raise
                # It went while it was asked: the one that comes after it takes over what it held.
                link = self._connected(uuids[0])
                link.used = True
                self._ask(link, Release(uuids))
            self._lost = False

    def close(self) -> None:
        """Give everything back, and wait until a child has done so, or as long as there is patience."""
        end_s = time.monotonic() + self._patience.end_s
        self._closed.set()
        with self._lock:
            for former in self._formers:
                self._let_go(former, min(self._patience.former_s, max(end_s - time.monotonic(), 0.0)))
            link, self._link = self._link, None
            while link is not None or self._owing:
                if link is not None:
                    self._let_go(link, max(end_s - time.monotonic(), 0.0))
                if not self._owing or time.monotonic() >= end_s:
                    return
                link = self._started_once_more()

    @contextmanager
    def _turn(self, uuid: str) -> Iterator[None]:
        if not self._lock.acquire(timeout=self._patience.answer_s):
            raise GpuError(uuid, GpuFailure.HELPER_GONE, "a helper is being started")
        try:
            yield
        finally:
            self._lock.release()

    def _ask(self, link: Link, request: Request) -> None:
        """Of the helper that was looked at, and no other: a loss in between would be told after the next success."""
        uuid = request.uuids[0]
        try:
            reply = link.ask(request, self._patience.answer_s)
        except TimeoutError as error:
            self._drop()
            waited = f"no answer from the helper in {self._patience.answer_s:g} s"
            raise GpuError(uuid, GpuFailure.TIMED_OUT, waited) from error
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
        """What was held is held no more since the helper was lost: say so once, when another is there.

        Raises:
            GpuError: HELPER_GONE.
        """
        if self._lost:
            self._lost = False
            raise GpuError(uuid, GpuFailure.HELPER_GONE, "it ended since the last call, and what it held is given back")

    def _connected(self, uuid: str) -> Link:
        if self._link is not None and self._link.ended:
            self._drop()
            self._lost = True
        if self._link is None:
            if self._closed.is_set():
                raise GpuError(uuid, GpuFailure.HELPER_GONE, "the setter is closed")
            self._link = self._started(uuid)
            if self._link.child is not None:
                threading.Thread(target=self._watch, args=(self._link,), name="gpu-helper-watch", daemon=True).start()
        # It is ready, so it takes over what was left, and what it cannot free it goes on with.
        self._link.used |= self._owing
        self._owing = False
        return self._link

    def _started(self, uuid: str) -> Link:
        self._await_formers()
        link: Link | None = None
        try:
            link = self._start()
            reply = link.said(self._patience.ready_s)
        except (OSError, HelperFrameError) as error:
            self._give_up(link)
            raise GpuError(uuid, GpuFailure.HELPER_GONE, f"no helper can be reached: {error}") from error
        if not isinstance(reply, Ready):
            self._give_up(link)
            failed = reply if isinstance(reply, Failed) else Failed("*", GpuFailure.OTHER, "it answers out of turn")
            raise GpuError(uuid, failed.failure, failed.reason)
        return link

    def _await_formers(self) -> None:
        """Wait for those that were given up; what an ended one has not freed is owed from here on."""
        end_s = time.monotonic() + self._patience.former_s
        formers, self._formers = self._formers, []
        for former in formers:
            status = former.await_end(max(end_s - time.monotonic(), 0.0))
            if status is None and former.child is not None:
                self._formers.append(former)
            self._owing |= bool(status) and former.used

    def _give_up(self, link: Link | None) -> None:
        if link is not None:
            link.close()
            link.await_end(self._patience.former_s)

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()
            self._formers.append(link)

    def _watch(self, link: Link) -> None:
        """Wait for the child's end; when it has not freed what it held, see that another does."""
        status = link.await_end()
        with self._lock:
            if self._link is link:
                log.error("gpu_helper_died status=%s", status)
                self._drop()
                self._lost = True
            self._owing |= bool(status) and link.used
        self._settle()

    def _settle(self) -> None:
        """Start helpers until one is ready: clocks may be locked that nobody else frees."""
        pause_s = self._patience.retry_s
        while not self._closed.is_set():
            with self._lock:
                if not self._owing or self._closed.is_set():
                    return
                try:
                    self._connected("*")
                except GpuError as error:
                    log.warning("clocks_may_be_locked: no helper to free them: %s", error)
            self._closed.wait(pause_s)
            pause_s = min(2 * pause_s, self._patience.most_retry_s)

    # At the end

    def _let_go(self, link: Link, within_s: float) -> None:
        link.close()
        status = link.await_end(within_s)
        if status is None and link.child is not None:
            log.error("gpu_helper_lingers pid=%d", link.child.pid)
        self._owing |= bool(status) and link.used

    def _started_once_more(self) -> Link | None:
        try:
            link = self._started("*")
        except GpuError as error:
            log.warning("clocks_may_be_locked: no helper to free them: %s", error)
            time.sleep(self._patience.retry_s)
            return None
        link.used, self._owing = True, False
        return link
