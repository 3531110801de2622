"""Frees clocks that nobody guards any more; `python -m freesh_plugin.services.gpu_free RUN_DIR` does so at once."""

import logging
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from freesh_plugin.adapters.gpu.helper_frames import is_uuid
from freesh_plugin.adapters.gpu.leases import Lease, LeaseFolder
from freesh_plugin.adapters.unblocked_log import log_unblocked
from freesh_plugin.core.errors import ConfigError, FreeshError
from freesh_plugin.core.gpu import GpuError
from freesh_plugin.services.gpu_resets import reset_each

log = logging.getLogger(__name__)


def free_left(leases: LeaseFolder) -> dict[str, str | None]:
    """Free every clock that a dead helper left, and end its lease; by UUID, why one could not be freed.

    Raises:
        GpuDriverError: there are leases, but no driver.
    """
    return _freed({lease.uuid: lease for lease in leases.take_all_left()})


def free_named(leases: LeaseFolder, uuids: Iterable[str]) -> dict[str, str | None]:
    """Free these GPUs' clocks, whoever locked them, unless a living helper holds them; by UUID, why one was not freed.

    Raises:
        GpuDriverError: there is no driver.
        ConfigError: a name is no UUID.
    """
    outcomes: dict[str, str | None] = {}
    wanted: dict[str, Lease | None] = {}
    for uuid in uuids:
        if not is_uuid(uuid):
            raise ConfigError(f"{uuid!r} is not a GPU's UUID: `freesh gpu status` lists them")
        try:
            wanted[uuid] = leases.take_left(uuid)
        except GpuError as error:
            outcomes[uuid] = error.reason
    return outcomes | _freed(wanted)


def _freed(wanted: Mapping[str, Lease | None]) -> dict[str, str | None]:
    try:
        outcomes = reset_each(wanted)
        for uuid, lease in wanted.items():
            if lease is not None and outcomes[uuid] is None:
                lease.end()
        return outcomes
    finally:
        for lease in wanted.values():
            if lease is not None:
                lease.abandon()


def main(run_dir: Path) -> int:
    """Free what dead helpers left; returns the exit status, 0 if all of it is free."""
    try:
        outcomes = free_left(LeaseFolder(run_dir))
    except FreeshError as error:
        log.error("clocks_not_freed reason=%s", error)
        return 1
    for uuid, failure in outcomes.items():
        log.info("clock_free uuid=%s failure=%s", uuid, failure or "none")
    return 1 if any(outcomes.values()) else 0


if __name__ == "__main__":
    log_unblocked("gpu-free")
    sys.exit(main(Path(sys.argv[1])))
