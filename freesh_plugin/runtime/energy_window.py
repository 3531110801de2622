"""The energy of all GPUs of an instance from one time that each had been read to the next."""

from freesh_plugin.core.gpu import GpuReading


class EnergyWindow:
    """Grows with each look at a GPU until each has been looked at; one that does not answer makes it longer."""

    def __init__(self, gpus: int) -> None:
        """A window of so many GPUs begins."""
        self._gpus = gpus
        self._energy_j: dict[str, float | None] = {}
        self._began_s = float("inf")
        self.readings: dict[str, GpuReading] = {}
        """The newest look at each."""

    def add(self, uuid: str, reading: GpuReading, energy_j: float | None) -> None:
        """A GPU was looked at: its energy since the look before, None where that is not known."""
        before_j = self._energy_j.get(uuid, 0.0)
        self._energy_j[uuid] = None if before_j is None or energy_j is None else before_j + energy_j
        self._began_s = min(self._began_s, reading.at_s)
        self.readings[uuid] = reading

    @property
    def is_whole(self) -> bool:
        """Whether each has been looked at."""
        return len(self.readings) == self._gpus

    @property
    def ended_s(self) -> float:
        """When the newest look was, monotonic seconds."""
        return max(each.at_s for each in self.readings.values())

    @property
    def waits_s(self) -> float:
        """For how long some have been looked at, and others not."""
        return self.ended_s - self._began_s

    @property
    def total_j(self) -> float | None:
        """Sum over the GPUs; None if one is not known."""
        known = [each for each in self._energy_j.values() if each is not None]
        return sum(known) if len(known) == self._gpus else None
