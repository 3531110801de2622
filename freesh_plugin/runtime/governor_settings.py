"""Settings of the clock governor: one default for all loads."""

from dataclasses import dataclass, field
from enum import StrEnum

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.miad import MiadRule


class GovernorMode(StrEnum):
    """How the clock follows the pressure."""

    MIAD = "miad"
    """Raised by a factor, lowered by steps."""
    HYSTERESIS = "hysteresis"
    """The ceiling under pressure, else the floor."""
    STATIC = "static"
    """One clock."""
    OBSERVE = "observe"
    """Clocks are read and never set."""


@dataclass(frozen=True, slots=True)
class GovernorSettings:
    """How one instance's clock is governed.

    Attributes:
        mode: How the clock follows the pressure.
        rule: MIAD's factor, step, headroom and dead band; hysteresis has the last two of it.
        tick_s: Seconds between decisions.
        window_s: How far back samples count.
        ttft_quantile, tbt_quantile: The quantiles of them that are held against the SLO.
        tbt_weight: b of `PressureGauge`: what TBT counts while it keeps its bound.
        queue_weight: a of `PressureGauge`: how many times the wait that is to be expected counts.
        tbt_memory_s: For so long the clock is not lowered past the one that TBT was found to need.
        min_samples: With fewer samples in the window their maximum counts.
        dwell_ticks: After a raise the clock is not lowered for so many ticks.
        idle_s: With nothing running or waiting for so long, the clock goes to the floor.
        stale_ticks: Telemetry older than so many ticks is no longer believed.
        overrun_s: A tick that comes so long after the last one counts as without telemetry.
        errors_in_a_row: So many failures of the GPU one after another take control away.
        floor_mhz: The floor where the plan gives none: the clock of least energy; None = not known (`USUAL_FLOOR`).
        static_mhz: The clock of mode `static`; None = the ceiling.
        tenant_alone: Whether a partitioned GPU (MIG) may be set: all its partitions are this instance's.
        jitter_s: This machine's own delay in going to the ceiling for want of telemetry, and in coming back from it:
            the machines of a location must not all do so at once.
    """

    mode: GovernorMode = GovernorMode.MIAD
    rule: MiadRule = field(default_factory=MiadRule)
    tick_s: float = 1.0
    window_s: float = 5.0
    ttft_quantile: float = 0.95
    tbt_quantile: float = 0.99
    tbt_weight: float = 0.85
    queue_weight: float = 3.0
    tbt_memory_s: float = 60.0
    min_samples: int = 20
    dwell_ticks: int = 1
    idle_s: float = 5.0
    stale_ticks: int = 3
    overrun_s: float = 2.0
    errors_in_a_row: int = 3
    floor_mhz: int | None = None
    static_mhz: int | None = None
    tenant_alone: bool = False
    jitter_s: float = 0.0

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ConfigError: a number is out of its range.
        """
        for names, least, below in _RANGES:
            for name in names:
                value = getattr(self, name)
                if value is not None and not least <= value < below:
                    raise ConfigError(f"governor: {name} is {value}, expected from {least:g} to below {below:g}")


_RANGES = (
    (("tick_s", "window_s", "overrun_s"), 0.01, 3600.0),
    (("idle_s", "jitter_s", "dwell_ticks", "queue_weight", "tbt_memory_s"), 0, 3600.0),
    (("min_samples", "stale_ticks", "errors_in_a_row", "floor_mhz", "static_mhz"), 1, 1e6),
    (("ttft_quantile", "tbt_quantile", "tbt_weight"), 0.01, 1.000001),
)
