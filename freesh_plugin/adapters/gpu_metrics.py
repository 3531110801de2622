"""What is counted and measured of the GPUs, their energy and their clock governor."""

from prometheus_client import CollectorRegistry, Counter, Gauge

GOVERNOR_MODES = ("miad", "hysteresis", "static", "observe", "lost")


class GpuMetrics:
    """Metrics of GPUs; those with labels have no sample before there is a GPU."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register them."""
        gpu = ("gpu",)
        self.energy_j = Counter(
            "freesh_energy_joules", "Energy by the GPU's counter.", ("location", "gpu"), registry=registry
        )
        self.integrated = Gauge(
            "freesh_energy_integrated", "1 where it is integrated power, for want of a counter.", gpu, registry=registry
        )
        self.books_j = Gauge(
            "freesh_energy_books_joules",
            "Where measured energy went: told to answers, spent on requests without an answer, idle, and what "
            "estimated shares were wrong by. Requests under way hold the rest.",
            ("part",),
            registry=registry,
        )
        self.sm_clock_mhz = Gauge("freesh_sm_clock_mhz", "SM clock.", gpu, registry=registry)
        self.power_w = Gauge("freesh_gpu_power_watts", "Power.", gpu, registry=registry)
        self.mode = Gauge(
            "freesh_governor_mode", "1 for the governor's mode; `lost`: it failed.", ("mode",), registry=registry
        )
        self.target_mhz = Gauge(
            "freesh_governor_target_mhz", "SM clock that GPUs were told; 0 = the driver's own.", registry=registry
        )
        self.pressure = Gauge("freesh_governor_pressure", "Latency over SLO, the worst of them.", registry=registry)
        self.capacity_down = Gauge(
            "freesh_governor_capacity_down", "1 while power limit, heat or brake slow the GPU down.", registry=registry
        )
        self.ticks = Counter("freesh_governor_ticks", "Decisions, by reason.", ("reason",), registry=registry)
        self.changes = Counter("freesh_governor_changes", "Clocks told to the GPUs.", registry=registry)
        self.alarms = Counter("freesh_governor_alarms", "Alarms that began.", ("reason",), registry=registry)
        self.overruns = Counter("freesh_governor_overruns", "Ticks that came late by over one.", registry=registry)

    def set_mode(self, mode: str) -> None:
        """Tell the mode in force."""
        for each in GOVERNOR_MODES:
            self.mode.labels(each).set(each == mode)
