"""The only process that sets clocks, and that frees them when their owner goes: `freesh gpu-helper`, or a child."""

import logging
import os
import select
import selectors
import socket
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from freesh_plugin.adapters.ending_signals import ended_by_signals
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
from freesh_plugin.adapters.gpu.helper_socket import Admission, FirstSocket, Peer, listen, peer_of
from freesh_plugin.adapters.gpu.leases import LeaseFolder, party
from freesh_plugin.adapters.gpu.nvml_clocks import NvmlClocks
from freesh_plugin.adapters.unblocked_log import log_unblocked
from freesh_plugin.core.errors import ConfigError, FreeshError
from freesh_plugin.core.gpu import GpuError, GpuFailure
from freesh_plugin.services.gpu_holdings import Holdings, Owner

log = logging.getLogger(__name__)

MAX_OWNERS = 64
"""Connections at a time."""

ENDED, NOT_FREED, HUNG = 0, 1, 3
"""Exit statuses: all clocks are free; some are not, and their leases are left; the driver hung. 2: it did not start."""

ROOT_ALONE = Admission(frozenset({0}), frozenset())

_RETRY_S = 0.1
_LAST_TRIES_S = 1.5
_LOOK_S = 1.0
_MOST_PAUSE_S = 30.0


@dataclass(frozen=True)
class HelperSettings:
    """How a helper is reached: by an owner's inherited socket, or by many at a path."""

    run_dir: Path
    owner_fd: int | None = None
    socket_path: Path | None = None
    admission: Admission = ROOT_ALONE
    sole_tenant: bool = False
    """Whether GPUs that MIG partitions may be set: all instances are the owner's."""
    stay_s: float = 600.0
    """For so long a child without an owner goes on trying to free what it could not; nobody else would."""


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
    with ended_by_signals() as wakeup, closing(_first_socket(settings)) as first:
        leases = LeaseFolder(settings.run_dir)
        try:
            leases.make()
            helper = GpuHelper(NvmlClocks(), leases, settings, first)
        except FreeshError as error:
            if settings.owner_fd is not None:
                denied = isinstance(error.__cause__, PermissionError)
                _say(first.end, Failed("*", GpuFailure.NO_PERMISSION if denied else GpuFailure.OTHER, str(error)))
            raise
        return helper.serve(wakeup)


class GpuHelper:
    """One loop over its sockets; calls to the driver are made one after another, each with a deadline."""

    def __init__(self, clocks: NvmlClocks, leases: LeaseFolder, settings: HelperSettings, first: FirstSocket) -> None:
        """`first` is the owner's socket, or the one on which owners arrive."""
        self._clocks = clocks
        self._settings = settings
        self._holdings = Holdings(clocks, leases, settings.sole_tenant)
        self._first = first
        self._connections: dict[socket.socket, _Connection] = {}
        self._looked_s = float("-inf")
        self._alone_until_s: float | None = None
        self._selector = selectors.DefaultSelector()

    def serve(self, wakeup: socket.socket) -> int:
        """Until `wakeup` can be read, or a child's owner is gone and all is free; returns the exit status."""
        try:
            self._tidy()
            if not self._clocks.hung:
                self._open(wakeup)
            while not self._clocks.hung and self._round(wakeup):
                pass
        finally:
            if not self._clocks.hung:
                self._free_all()
        return self._hand_over(wakeup) if self._clocks.hung else self._end()

    def _open(self, wakeup: socket.socket) -> None:
        self._selector.register(wakeup, selectors.EVENT_READ)
        if self._is_child:
            self._welcome(self._first.end)
        else:
            self._selector.register(self._first.end, selectors.EVENT_READ)

    @property
    def _is_child(self) -> bool:
        return self._settings.owner_fd is not None

    def _round(self, wakeup: socket.socket) -> bool:
        """Handle what has arrived; returns whether to go on."""
        retry_s = self._holdings.retry_s
        ready = [key.fileobj for key, _ in self._selector.select(_LOOK_S if retry_s is None else retry_s)]
        if wakeup in ready:
            return False
        for each in ready:
            if each is self._first.end and each not in self._connections:
                self._accept()
            elif isinstance(each, socket.socket):
                self._read(each)
        self._tidy()
        return not self._is_child or bool(self._connections) or self._stays()

    def _tidy(self) -> None:
        """Free what is to be freed, and once a second look for what dead helpers left."""
        if time.monotonic() >= self._looked_s + _LOOK_S:
            self._looked_s = time.monotonic()
            self._holdings.adopt_left()
        self._holdings.finish()

    def _stays(self) -> bool:
        """Whether a child without an owner has something to free yet, and patience."""
        if self._alone_until_s is None:
            self._alone_until_s = time.monotonic() + self._settings.stay_s
        return self._holdings.unfinished and time.monotonic() < self._alone_until_s

    def _accept(self) -> None:
        with suppress(OSError):  # whoever came is gone again
            arrived, _ = self._first.end.accept()
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
        not_freed = self._holdings.unfinished
        self._holdings.abandon()
        return NOT_FREED if not_freed else ENDED

    def _hand_over(self, wakeup: socket.socket) -> int:
        """The driver hangs in this process: nobody is served any more, and fresh processes free what is held.

        A child stays with what they cannot free; a service is started anew, which tries again.
        """
        log.error("driver_hangs handing_over=1")
        self._close_all()
        end_s = time.monotonic() + (self._settings.stay_s if self._is_child else 0.0)
        pause_s = _LOOK_S
        while self._holdings.finish_elsewhere() and time.monotonic() < end_s:
            if select.select([wakeup], [], [], pause_s)[0]:
                break
            pause_s = min(2 * pause_s, _MOST_PAUSE_S)
        self._holdings.abandon()
        return HUNG

    def _close_all(self) -> None:
        """Owners must know now, and nobody may arrive."""
        self._first.close()
        for each in self._connections:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def _say(connection: socket.socket, reply: Reply) -> bool:
    """Answer, if there is room; whoever does not read gets no more."""
    message = frame(reply)
    try:
        return connection.send(message) == len(message)
    except OSError:
        return False


def _first_socket(settings: HelperSettings) -> FirstSocket:
    if settings.owner_fd is not None:
        return FirstSocket(socket.socket(fileno=settings.owner_fd))
    if settings.socket_path is None:
        raise ConfigError("a helper needs an owner or a path to listen on")
    return listen(settings.socket_path)


def main(owner_fd: int, run_dir: Path, *, sole_tenant: bool = False) -> int:
    """Be the child of an owner, on a socket inherited from it; returns the exit status."""
    try:
        return run_helper(HelperSettings(run_dir, owner_fd, sole_tenant=sole_tenant))
    except FreeshError as error:
        log.error("not_started reason=%s", error)
        return 2


if __name__ == "__main__":
    log_unblocked("gpu-helper")
    status = main(int(sys.argv[1]), Path(sys.argv[2]), sole_tenant=SOLE_TENANT in sys.argv[3:])
    logging.shutdown()
    os._exit(status)  # a thread that hangs in the driver must not keep the process
