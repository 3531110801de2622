"""SM clocks that a sweep holds, and gives back however it ends."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from freesh_plugin.core.gpu import GpuError, GpuFailure
from freesh_plugin.ports import ClockSetter


class HeldClock:
    """Holds the clock of some GPUs; leaving the context releases them, whatever happened inside."""

    def __init__(self, setter: ClockSetter, uuids: Sequence[str]) -> None:
        self._setter = setter
        self._uuids = tuple(uuids)
        self._held_mhz: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def hold(self, sm_clock_mhz: int) -> None:
        """Set a clock unless it is held already.

        Raises:
            GpuError: it cannot be set.
        """
        if sm_clock_mhz != self._held_mhz:
            # Set before the call: a call that fails half-way must be released as well.
            self._held_mhz = sm_clock_mhz
            _told(lambda: self._setter.limit_sm_clock_mhz(self._uuids, sm_clock_mhz))

    def hold_again(self) -> None:
        """Set the clock that is held once more: it was seen to be another.

        Raises:
            GpuError: it cannot be set.
        """
        if self._held_mhz is not None:
            sm_clock_mhz, self._held_mhz = self._held_mhz, None
            self.hold(sm_clock_mhz)

    def release(self) -> None:
        """Give the clocks back, if any was ever held.

        Raises:
            GpuError: they could not be reset.
        """
        if self._held_mhz is not None:
            _told(lambda: self._setter.release(self._uuids))
            self._held_mhz = None


def _told(tell: Callable[[], None]) -> None:
    """Tell a setter; once more where its helper was gone, since a call after that starts another.

    Raises:
        GpuError: as the setter's.
    """
    try:
        tell()
    except GpuError as error:
        if error.failure is not GpuFailure.HELPER_GONE:
            raise
        tell()


def may_hold(setter: ClockSetter, uuids: Sequence[str], sm_clock_mhz: int) -> GpuError | None:
    """Try a clock and release it again; what stood in the way, or None."""
    try:
        with HeldClock(setter, uuids) as held:
            held.hold(sm_clock_mhz)
    except GpuError as error:
        return error
    return None
