"""Which owner holds which GPU's clock, and at what: set all or none, freed when the owner goes."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from freesh_plugin.adapters.gpu.helper_frames import Limit
from freesh_plugin.adapters.gpu.leases import Lease, LeaseFolder, LeaseParty
from freesh_plugin.adapters.gpu.nvml_clocks import NvmlClocks
from freesh_plugin.core.gpu import GpuDriverError, GpuError, GpuFailure
from freesh_plugin.services.gpu_resets import reset_each

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
    set_here: bool = False
    """Whether this helper may have set its clock."""

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
        self._passed_over: set[str] = set()

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
                before.append((holding, holding.range_mhz))
                self._lock(holding, range_mhz)
        except GpuError as error:
            changed = self._undo(before)
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

    def adopt_left(self) -> None:
        """Take over what dead helpers left of GPUs that are seen from here, to be freed; of others it is left alone."""
        for uuid in self._leases.uuids():
            if uuid in self._held:
                continue
            try:
                self._clocks.find(uuid)
                lease = self._leases.take_left(uuid)
            except GpuError as error:
                self._pass_over(error)
                continue
            if lease is not None:
                self._held[uuid] = Holding(lease, None)

    def finish(self) -> None:
        """Try to free what is to be freed."""
        for holding in [holding for holding in self._held.values() if holding.owner is None]:
            self._free(holding)

    def finish_elsewhere(self) -> bool:
        """Try to free everything from fresh processes, since the driver hangs in this; returns whether some is left."""
        for holding in [holding for holding in self._held.values() if holding.lease.replaced]:
            self._end(holding)
        try:
            outcomes = reset_each(self._held)
        except GpuDriverError as error:
            log.warning("clocks_not_freed reason=%s", error)
            return True
        for uuid, failure in outcomes.items():
            log.info("clock_free uuid=%s failure=%s", uuid, failure or "none")
            if failure is None:
                self._end(self._held[uuid])
        return bool(self._held)

    def abandon(self) -> None:
        """Leave every lease to another helper."""
        for holding in self._held.values():
            holding.lease.abandon()
        self._held.clear()

    def _pass_over(self, error: GpuError) -> None:
        if error.failure is not GpuFailure.HELD and error.uuid not in self._passed_over:
            self._passed_over.add(error.uuid)
            log.warning("lease_left_alone uuid=%s reason=%s", error.uuid, error)

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
        """Its holding, with a lease that is there: somebody may have removed the file, and another have taken it.

        Raises:
            GpuError: another helper holds it, or its lease cannot be written.
        """
        holding = self._held.get(uuid)
        if holding is None:
            holding = self._held[uuid] = Holding(self._leases.take(uuid, owner.process), owner)
        elif not holding.lease.is_there:
            holding.lease.abandon()
            holding.lease = self._leases.take(uuid, owner.process)
        holding.owner = owner
        holding.failures = 0
        return holding

    def _lock(self, holding: Holding, range_mhz: tuple[int, int]) -> None:
        """Set it, though it may be so by the book: a reset of the GPU, or another program, may have undone it."""
        holding.range_mhz = None
        try:
            self._clocks.lock(holding.uuid, *range_mhz)
        except GpuError as error:
            holding.set_here |= error.failure not in _NOTHING_CHANGED
            raise
        holding.set_here, holding.range_mhz = True, range_mhz

    def _undo(self, before: Sequence[tuple[Holding, tuple[int, int] | None]]) -> str:
        """Bring each back to where it was; returns those of which that is not certain."""
        failed: list[str] = []
        for holding, range_mhz in reversed(before):
            if range_mhz is None:
                if self._is_untouched(holding):
                    self._end(holding)
                elif self._free(holding) is not None:
                    failed.append(holding.uuid)
                continue
            try:
                self._lock(holding, range_mhz)
            except GpuError as again:
                log.error("clock_not_set_back uuid=%s reason=%s", holding.uuid, again)
                failed.append(holding.uuid)
        return ", ".join(failed)

    def _is_untouched(self, holding: Holding) -> bool:
        """Whether nobody set its clock under this lease: there is nothing to undo."""
        return holding.lease.fresh and not holding.set_here

    def _free(self, holding: Holding) -> GpuError | None:
        if holding.lease.replaced:
            log.error("lease_taken_by_another uuid=%s", holding.uuid)  # its clock is the other's now
            self._end(holding)
            return None
        try:
            self._clocks.free(holding.uuid)
        except GpuError as error:
            self._keep(holding, error)
            return error
        self._end(holding)
        log.info("clock_freed uuid=%s", holding.uuid)
        return None

    def _keep(self, holding: Holding, error: GpuError) -> None:
        """It is not free: keep it, to be freed later; what a dead helper left is for whoever may free it."""
        if error.failure is GpuFailure.NO_PERMISSION and not holding.set_here:
            self._pass_over(error)
            del self._held[holding.uuid]
            holding.lease.abandon()
            return
        if not holding.failures:
            log.error("clock_not_freed uuid=%s reason=%s", holding.uuid, error)
        holding.failures += 1
        holding.owner = None

    def _end(self, holding: Holding) -> None:
        del self._held[holding.uuid]
        holding.lease.end()
