"""What a unit of predicted work took of late, and what an idle second takes: both learnt from the windows measured."""


class EnergyRate:
    """Measured joules over predicted ones, and idle power.

    Attributes:
        scale: Measured over predicted energy of the newest windows; None before the first one with work.
        idle_w: Power of the newest window that was wholly idle; None before there was one.
    """

    def __init__(self) -> None:
        """Nothing is known."""
        self.scale: float | None = None
        self.idle_w: float | None = None
        self._measured_j = self._predicted_j = 0.0

    def idle_j(self, energy_j: float, busy_s: float, idle_s: float) -> float:
        """The idle part of a window: its idle time at idle power, but never more than in proportion to time."""
        if not busy_s:
            if idle_s:
                self.idle_w = energy_j / idle_s
            return energy_j
        in_proportion_j = energy_j * idle_s / (busy_s + idle_s)
        return in_proportion_j if self.idle_w is None else min(self.idle_w * idle_s, in_proportion_j)

    def learn(self, busy_j: float, predicted_j: float) -> float | None:
        """Take a window in; returns its own scale, or None without predicted work.

        Each window counts by its work and half as much as the next one: a counter that is read often tells short
        windows badly, and long ones well.
        """
        if not predicted_j:
            return None
        self._measured_j = self._measured_j / 2 + busy_j
        self._predicted_j = self._predicted_j / 2 + predicted_j
        self.scale = self._measured_j / self._predicted_j
        return busy_j / predicted_j
