"""The only process that sets clocks, and that frees them when their owner goes: `freesh gpu-helper`, or a child."""

import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from freesh_plugin.adapters.gpu.helper_client import SOLE_TENANT
from freesh_plugin.adapters.gpu.helper_frames import (
    Done,
    Failed,
    FrameBuffer,
    HelperFrameError,
    Limit,
    Ready,
    Reply,
    Request,
    as_request,
    frame,
)
from freesh_plugin.adapters.gpu.helper_socket import Admission, Peer, listen, peer_of
from freesh_plugin.adapters.gpu.leases import LeaseFolder, party
from freesh_plugin.adapters.gpu.nvml_clocks import NvmlClocks
from freesh_plugin.core.errors import ConfigError, FreeshError
from freesh_plugin.core.gpu import GpuError, GpuFailure
from freesh_plugin.services.gpu_holdings import Holdings, Owner

log = logging.getLogger(__name__)

MAX_OWNERS = 64
"""Connections at a time."""

ENDED, NOT_FREED, HUNG = 0, 1, 3
"""Exit statuses: all clocks are free; some are not, and their leases are left; the driver hung. 2: it did not start."""

ROOT_ALONE = Admission(frozenset({0}), frozenset())

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_RETRY_S = 0.1
_LAST_TRIES_S = 1.5
_RESET_S = 15.0


@dataclass(frozen=True)
class HelperSettings:
    """How a helper is reached: by an owner's inherited socket, or by many at a path."""

    run_dir: Path
    owner_fd: int | None = None
    socket_path: Path | None = None
    admission: Admission = ROOT_ALONE
    sole_tenant: bool = False
    """Whether GPUs that MIG partitions may be set: all instances are the owner's."""


@dataclass(eq=False)
class _Connection:
    socket: socket.socket
    owner: Owner
    frames: FrameBuffer


def run_helper(settings: HelperSettings) -> int:
    """Serve until a signal, or as a child until the owner goes; then free every clock. Returns the exit status.

    Raises:
        FreeshError: it could not start: no driver, no folder for leases, no place for the socket.
    """
    with _ended_by_signals() as wakeup, _first_socket(settings) as first:
        leases = LeaseFolder(settings.run_dir)
        try:
            leases.make()
            helper = GpuHelper(NvmlClocks(), leases, settings, first)
        except FreeshError as error:
            if settings.owner_fd is not None:
                denied = isinstance(error.__cause__, PermissionError)
                _say(first, Failed("*", GpuFailure.NO_PERMISSION if denied else GpuFailure.OTHER, str(error)))
            raise
        return helper.serve(wakeup)


class GpuHelper:
    """One loop over its sockets; calls to the driver are made one after another, each with a deadline."""

    def __init__(self, clocks: NvmlClocks, leases: LeaseFolder, settings: HelperSettings, first: socket.socket) -> None:
        """`first` is the owner's socket, or the one on which owners arrive."""
        self._clocks = clocks
        self._settings = settings
        self._holdings = Holdings(clocks, leases, settings.sole_tenant)
        self._first = first
        self._connections: dict[socket.socket, _Connection] = {}
        self._selector = selectors.DefaultSelector()

    def serve(self, wakeup: socket.socket) -> int:
        """Until `wakeup` can be read, or a child's owner is gone; returns the exit status."""
        try:
            self._start(wakeup)
            while self._round(wakeup):
                if self._clocks.hung:
                    return self._hand_over()
        finally:
            if not self._clocks.hung:
                self._free_all()
        return self._end()

    def _start(self, wakeup: socket.socket) -> None:
        self._holdings.adopt_left(self._clocks.uuids())
        self._holdings.finish()
        self._selector.register(wakeup, selectors.EVENT_READ)
        if self._settings.owner_fd is not None:
            self._welcome(self._first)
        else:
            self._selector.register(self._first, selectors.EVENT_READ)

    def _round(self, wakeup: socket.socket) -> bool:
        """Handle what has arrived; returns whether to go on."""
        ready = [key.fileobj for key, _ in self._selector.select(self._holdings.retry_s)]
        if wakeup in ready:
            return False
        for each in ready:
            if each is self._first and each not in self._connections:
                self._accept()
            elif isinstance(each, socket.socket):
                self._read(each)
        self._holdings.finish()
        return self._settings.owner_fd is None or bool(self._connections)

    def _accept(self) -> None:
        with suppress(OSError):  # whoever came is gone again
            arrived, _ = self._first.accept()
            peer = peer_of(arrived)
            if refusal := self._refusal(peer):
                log.warning("owner_refused pid=%d uid=%d reason=%s", peer.pid, peer.uid, refusal)
                _say(arrived, Failed("*", GpuFailure.NO_PERMISSION, refusal))
                arrived.close()
            else:
                self._welcome(arrived)

    def _refusal(self, peer: Peer) -> str:
        if not self._settings.admission.admits(peer):
            return (
                f"user {peer.uid} may not set clocks: --allow-user and --allow-group of `freesh gpu-helper` say who may"
            )
        return f"{MAX_OWNERS} owners are connected" if len(self._connections) >= MAX_OWNERS else ""

    def _welcome(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        pid = peer_of(connection).pid
        self._connections[connection] = _Connection(connection, Owner(party(pid)), FrameBuffer())
        self._selector.register(connection, selectors.EVENT_READ)
        _say(connection, Ready())
        log.info("owner_connected pid=%d", pid)

    def _read(self, end: socket.socket) -> None:
        connection = self._connections[end]
        try:
            data = end.recv(65_536)
            if not data:
                return self._forget(connection)
            for body in connection.frames.feed(data):
                if not _say(end, self._answer(connection.owner, as_request(body))):
                    return self._forget(connection)
        except BlockingIOError:
            pass
        except (OSError, HelperFrameError) as error:
            log.warning("owner_cut pid=%d reason=%s", connection.owner.process.pid, error)
            self._forget(connection)

    def _answer(self, owner: Owner, request: Request) -> Reply:
        try:
            if isinstance(request, Limit):
                self._holdings.limit(owner, request)
            else:
                self._holdings.release(owner, request.uuids)
        except GpuError as error:
            log.warning("refused pid=%d reason=%s", owner.process.pid, error)
            return Failed(error.uuid, error.failure, error.reason)
        return Done()

    def _forget(self, connection: _Connection) -> None:
        """Free what this owner held: it is gone, or not to be understood."""
        del self._connections[connection.socket]
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._holdings.release_all(connection.owner)
        log.info("owner_gone pid=%d", connection.owner.process.pid)

    def _free_all(self) -> None:
        """Free every clock, for as long as it is worth trying."""
        give_up_s = time.monotonic() + _LAST_TRIES_S
        self._holdings.disown()
        self._holdings.finish()
        while self._holdings.unfinished and not self._clocks.hung and time.monotonic() < give_up_s:
            time.sleep(_RETRY_S)
            self._holdings.finish()

    def _end(self) -> int:
        if self._clocks.hung:
            return self._hand_over()
        not_freed = self._holdings.unfinished
        self._holdings.abandon()
        return NOT_FREED if not_freed else ENDED

    def _hand_over(self) -> int:
        """The driver hangs in this process: leave the leases to a fresh one, which may fare better."""
        log.error("driver_hangs handing_over=1")
        self._holdings.abandon()
        # A thread that hangs in the kernel can keep an ended process, and its sockets, alive: owners must know now.
        for each in (*self._connections, self._first):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        command = [sys.executable, "-m", "freesh_plugin.services.gpu_free", str(self._settings.run_dir)]
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=_RESET_S, check=False)
        return HUNG


def _say(connection: socket.socket, reply: Reply) -> bool:
    """Answer, if there is room; whoever does not read gets no more."""
    message = frame(reply)
    try:
        return connection.send(message) == len(message)
    except OSError:
        return False


@contextmanager
def _ended_by_signals() -> Iterator[socket.socket]:
    """A socket that can be read once SIGTERM, SIGINT or SIGHUP has come."""
    awaited, told = socket.socketpair()
    with awaited, told:
        told.setblocking(False)
        before = {number: signal.signal(number, lambda *_: None) for number in _ENDING}
        before_fd = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        try:
            yield awaited
        finally:
            signal.set_wakeup_fd(before_fd)
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _first_socket(settings: HelperSettings) -> Iterator[socket.socket]:
    if settings.owner_fd is not None:
        with socket.socket(fileno=settings.owner_fd) as owner:
            yield owner
        return
    if settings.socket_path is None:
        raise ConfigError("a helper needs an owner or a path to listen on")
    with listen(settings.socket_path) as listening:
        try:
            yield listening
        finally:
            settings.socket_path.unlink(missing_ok=True)


def main(owner_fd: int, run_dir: Path, *, sole_tenant: bool = False) -> int:
    """Be the child of an owner, on a socket inherited from it; returns the exit status."""
    try:
        return run_helper(HelperSettings(run_dir, owner_fd, sole_tenant=sole_tenant))
    except FreeshError as error:
        log.error("not_started reason=%s", error)
        return 2


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s gpu-helper %(message)s")
    status = main(int(sys.argv[1]), Path(sys.argv[2]), sole_tenant=SOLE_TENANT in sys.argv[3:])
    logging.shutdown()
    os._exit(status)  # a thread that hangs in the driver must not keep the process
