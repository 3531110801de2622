"""The SM clock of simulated GPUs, in a small file: whoever sets the clock writes it, the simulated shards read it."""

import time
from pathlib import Path

_READ_EVERY_S = 0.05


def write_clock_mhz(path: Path, sm_clock_mhz: float) -> None:
    """Set the clock; a reader sees the old value or the new one, never half of one."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(f"{sm_clock_mhz:g}\n")
    beside.replace(path)


class ClockFile:
    """A source of the clock in MHz that reads the file again after a while."""

    def __init__(self, path: Path, default_mhz: float) -> None:
        """`default_mhz` holds while there is no file with a number above 0."""
        self._path = path
        self._default_mhz = default_mhz
        self._read_at_s = float("-inf")
        self._mhz = default_mhz

    def __call__(self) -> float:
        """The clock in MHz."""
        now_s = time.monotonic()
        if now_s - self._read_at_s > _READ_EVERY_S:
            self._read_at_s, self._mhz = now_s, self._read()
        return self._mhz

    def _read(self) -> float:
        try:
            mhz = float(self._path.read_text())
        except (OSError, ValueError):
            return self._default_mhz
        return mhz if 0 < mhz < float("inf") else self._default_mhz
