"""Which owner holds which GPU's clock, and at what: set all or none, freed when the owner goes."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from freesh_plugin.adapters.gpu.helper_frames import Limit
from freesh_plugin.adapters.gpu.leases import Lease, LeaseFolder, LeaseParty
from freesh_plugin.adapters.gpu.nvml_clocks import NvmlClocks
from freesh_plugin.core.gpu import GpuError, GpuFailure

log = logging.getLogger(__name__)

_RETRY_S, _QUICK_TRIES, _LATER_S = 0.1, 20, 1.0

_NOTHING_CHANGED = (GpuFailure.NO_PERMISSION, GpuFailure.NOT_SUPPORTED)
"""Failures of a lock after which there is nothing to undo, and no right to."""


@dataclass(frozen=True, eq=False)
class Owner:
    """One connection of a process that may hold clocks; another of the same process is another owner."""

    process: LeaseParty


@dataclass(eq=False)
class Holding:
    """A GPU whose clock may be locked: its lease, whose it is, and the clocks (least, most MHz) if they are known.

    Without an owner it is to be freed.
    """

    lease: Lease
    owner: Owner | None
    range_mhz: tuple[int, int] | None = None
    failures: int = 0
    """Times in a row that it could not be freed."""

    @property
    def uuid(self) -> str:
        """Its GPU."""
        return self.lease.uuid


class Holdings:
    """The book of held clocks. Everything in it has a lease, and everything that may be locked by FREESH is in it."""

    def __init__(self, clocks: NvmlClocks, leases: LeaseFolder, sole_tenant: bool = False) -> None:
        """With `sole_tenant`, GPUs that MIG partitions are controlled too: all instances are the owner's."""
        self._clocks = clocks
        self._leases = leases
        self._sole_tenant = sole_tenant
        self._held: dict[str, Holding] = {}

    @property
    def unfinished(self) -> bool:
        """Whether some clock is yet to be freed."""
        return self.retry_s is not None

    @property
    def retry_s(self) -> float | None:
        """Seconds until `finish` should be tried; None when everything is as it should be."""
        failures = [holding.failures for holding in self._held.values() if holding.owner is None]
        return min((_RETRY_S if each < _QUICK_TRIES else _LATER_S for each in failures), default=None)

    def limit(self, owner: Owner, request: Limit) -> None:
        """Set the clocks of a group of GPUs, or of none.

        Raises:
            GpuError: those that were set are as before, unless it says otherwise.
        """
        wanted = {uuid: self._range_mhz(owner, uuid, request) for uuid in request.uuids}
        before: list[tuple[Holding, tuple[int, int] | None]] = []
        try:
            for uuid, range_mhz in wanted.items():
                holding = self._hold(owner, uuid)
                if holding.range_mhz == range_mhz:
                    continue
                before.append((holding, holding.range_mhz))
                holding.range_mhz = None
                self._clocks.lock(uuid, *range_mhz)
                holding.range_mhz = range_mhz
        except GpuError as error:
            changed = self._undo(before, error)
            if changed:
                raise GpuError(error.uuid, error.failure, f"{error.reason}; not as before: {changed}") from error
            raise

    def release(self, owner: Owner, uuids: Iterable[str]) -> None:
        """Free what the owner holds of these; what it does not hold is none of its business.

        Raises:
            GpuError: one could not be freed; it is tried again.
        """
        mine = [self._held[uuid] for uuid in uuids if uuid in self._held and self._held[uuid].owner is owner]
        errors = [error for holding in mine if (error := self._free(holding)) is not None]
        if errors:
            raise errors[0]

    def release_all(self, owner: Owner) -> None:
        """Free everything of an owner that is gone; what cannot be freed now is `unfinished`."""
        for holding in [holding for holding in self._held.values() if holding.owner is owner]:
            self._free(holding)

    def disown(self) -> None:
        """No owner counts any more: everything is to be freed."""
        for holding in self._held.values():
            holding.owner = None

    def adopt_left(self, uuids: Iterable[str]) -> None:
        """Take over what dead helpers left of these GPUs, to be freed."""
        visible = set(uuids)
        for lease in self._leases.take_all_left():
            if lease.uuid in visible:
                self._held[lease.uuid] = Holding(lease, None)
            else:
                log.warning("lease_of_unseen_gpu uuid=%s", lease.uuid)
                lease.abandon()

    def finish(self) -> None:
        """Try to free what is to be freed."""
        for holding in [holding for holding in self._held.values() if holding.owner is None]:
            self._free(holding)

    def abandon(self) -> None:
        """Leave every lease to another helper."""
        for holding in self._held.values():
            holding.lease.abandon()
        self._held.clear()

    def _range_mhz(self, owner: Owner, uuid: str, request: Limit) -> tuple[int, int]:
        """The least and greatest clock that a request means for a GPU that may be set.

        Raises:
            GpuError: it may not.
        """
        holding = self._held.get(uuid)
        if holding is not None and holding.owner is not None and holding.owner is not owner:
            raise GpuError(uuid, GpuFailure.HELD, f"its clock is held for process {holding.owner.process.pid}")
        supported = self._clocks.supported_mhz(uuid)
        if request.sm_clock_mhz not in supported:
            limits = f"{supported[0]} to {supported[-1]} MHz" if supported else "none"
            raise GpuError(uuid, GpuFailure.OTHER, f"{request.sm_clock_mhz} MHz is not supported, limits {limits}")
        if self._clocks.shared(uuid) and not self._sole_tenant:
            raise GpuError(uuid, GpuFailure.NOT_SUPPORTED, "MIG shares it out, and a clock concerns every tenant")
        return (request.sm_clock_mhz if request.pin else supported[0]), request.sm_clock_mhz

    def _hold(self, owner: Owner, uuid: str) -> Holding:
        if uuid not in self._held:
            self._held[uuid] = Holding(self._leases.take(uuid, owner.process), owner)
        self._held[uuid].owner = owner
        self._held[uuid].failures = 0
        return self._held[uuid]

    def _undo(self, before: list[tuple[Holding, tuple[int, int] | None]], error: GpuError) -> str:
        """Bring each back to where it was; returns those of which that is not certain."""
        failed: list[str] = []
        for holding, range_mhz in reversed(before):
            if range_mhz is None:
                if holding.uuid == error.uuid and error.failure in _NOTHING_CHANGED:
                    self._end(holding)
                elif self._free(holding) is not None:
                    failed.append(holding.uuid)
                continue
            try:
                self._clocks.lock(holding.uuid, *range_mhz)
                holding.range_mhz = range_mhz
            except GpuError as again:
                log.error("clock_not_set_back uuid=%s reason=%s", holding.uuid, again)
                holding.range_mhz = None
                failed.append(holding.uuid)
        return ", ".join(failed)

    def _free(self, holding: Holding) -> GpuError | None:
        try:
            self._clocks.free(holding.uuid)
        except GpuError as error:
            if not holding.failures:
                log.error("clock_not_freed uuid=%s reason=%s", holding.uuid, error)
            holding.failures += 1
            holding.owner = None
            return error
        self._end(holding)
        log.info("clock_freed uuid=%s", holding.uuid)
        return None

    def _end(self, holding: Holding) -> None:
        del self._held[holding.uuid]
        holding.lease.end()
