"""The GPUs beside the step loop: their energy is shared and their clock governed; requests need neither."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from random import uniform

from freesh_plugin.adapters.background_thread import BackgroundThread
from freesh_plugin.adapters.gpu.reader_thread import GpuReaderThread, ReadingTimes
from freesh_plugin.adapters.gpu_metrics import GpuMetrics
from freesh_plugin.config import PluginConfig
from freesh_plugin.core.errors import FreeshError
from freesh_plugin.core.plan import Plan
from freesh_plugin.ports import Clock
from freesh_plugin.runtime.clock_promise import ClockPromise
from freesh_plugin.runtime.energy_shares import EnergyShares
from freesh_plugin.runtime.governor import Governor
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.token_times import TokenTimes
from freesh_plugin.services.energy_meter import EnergyMeter
from freesh_plugin.services.governor_loop import EngineLoad, GovernorLoop
from freesh_plugin.services.gpu_profile import gpu_profile
from freesh_plugin.services.gpus import Gpus, OpenGpus, open_gpus

log = logging.getLogger(__name__)

_OPEN_S = 60.0
_CLOSE_S = 4.0
_MOST_JITTER_S = 5.0
_READING = ReadingTimes(period_s=0.25, deadline_s=2.0)
"""Often enough that little of a request's energy is estimated when it ends."""


class GpuSide:
    """What the router has to do with GPUs. `energy` and `times` are for the step loop to fill."""

    def __init__(
        self,
        config: PluginConfig,
        clock: Clock,
        metrics: GpuMetrics,
        load: Callable[[], EngineLoad],
        opened: OpenGpus = open_gpus,
    ) -> None:
        """`load` tells what the engine does; `opened` finds the GPUs.

        Raises:
            ConfigError: the profile that the settings name is none.
        """
        self._profile = gpu_profile(config.profile)
        self.energy = EnergyShares(self._profile.weights)
        self.times = TokenTimes()
        self._config = config
        self._clock = clock
        self._metrics = metrics
        self._load = load
        self._opened = opened
        self._meter = EnergyMeter(self.energy, metrics, clock, config.location)
        self._promise = ClockPromise(
            config.ttft_slo_s, config.tbt_slo_s, config.model, config.location, config.pool_mode
        )
        self._thread = BackgroundThread("gpus")
        self._governing: GovernorLoop | None = None
        self._running: asyncio.Task[None] | None = None

    def start(self, ranks: int) -> None:
        """Find the GPUs of so many ranks and begin, while requests are served already."""
        if self._profile.gpus not in (None, ranks):
            log.warning("profile_of_others: it is of %d GPUs, here are %d ranks", self._profile.gpus, ranks)
        if self._config.gpu != "none":
            self._running = asyncio.create_task(self._run(ranks))

    def take_plan(self, plan: Plan) -> None:
        """Another plan is in force."""
        self._meter.plan = plan
        self._promise.take(plan)
        self._adopt()

    async def close(self) -> None:
        """Give the clocks back and let go of the GPUs."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self, ranks: int) -> None:
        try:
            gpus = await self._thread.run(partial(self._opened, self._config, ranks), _OPEN_S)
        except (FreeshError, TimeoutError) as error:
            log.error("no_gpus: neither energy nor clocks: %s", error)
            return
        except Exception:  # whatever it is, requests are served
            log.exception("no_gpus: neither energy nor clocks")
            return
        try:
            await self._watch(gpus)
        except Exception:
            log.exception("gpus_lost: neither energy nor clocks from here on")
        finally:
            await self._ended("gpus", partial(self._thread.run, gpus.close, _CLOSE_S))

    async def _watch(self, gpus: Gpus) -> None:
        reader = GpuReaderThread(self._meter.watch(gpus.devices), self._clock, _READING)
        settings = self._settings()
        self._governing = GovernorLoop(
            Governor(settings, gpus.supported_mhz),
            reader,
            gpus.clocks,
            self._load,
            self.times,
            self._clock,
            self._metrics,
            settings.tick_s,
        )
        self._adopt()
        log.info("gpus ranks=%d governor=%s names=%s", len(gpus.devices), settings.mode, gpus.devices[0].name)
        reader.start()
        try:
            await self._governing.run()
            await asyncio.Event().wait()  # the governor is lost; energy is shared on
        finally:
            await self._ended("clocks", self._governing.release)
            await self._ended("reader", partial(self._thread.run, reader.close, _CLOSE_S))

    async def _ended(self, what: str, end: Callable[[], Awaitable[None]]) -> None:
        """End a part; one that fails keeps no other from ending."""
        try:
            await end()
        except Exception as error:  # noqa: BLE001  # whatever it is, the others are ended
            log.warning("not_ended what=%s reason=%r", what, error)

    def _adopt(self) -> None:
        if self._governing is not None:
            self._governing.adopt(self._promise.slo, self._promise.bounds)

    def _settings(self) -> GovernorSettings:
        config = self._config
        return GovernorSettings(
            mode=GovernorMode(config.governor),
            floor_mhz=config.clock_floor_mhz or self._profile.floor_mhz,
            static_mhz=config.static_clock_mhz,
            tenant_alone=config.gpu_sole_tenant,
            jitter_s=uniform(0.0, _MOST_JITTER_S),
        )
