"""What the governor has to keep: service levels and clock bounds of the plan's pools, or the settings' own."""

from collections.abc import Iterable, Sequence

from freesh_plugin.core.plan import ClockBounds, Plan, PlanMode, Pool, Slo


class ClockPromise:
    """The tightest of all pools that this instance may serve.

    Service levels are promises whatever the plan's mode; its clock bounds are acts, and only a plan in `act` mode
    sets them. A level of 0 is not stated, and the settings' own counts. Bounds are those of this instance's own mode
    (its GPUs), and where that is not known, or not in the plan, the tightest of the pools that may have instances.
    """

    def __init__(
        self, ttft_s: float, tbt_s: float, model: str | None, location: str | None, pool_mode: str | None = None
    ) -> None:
        """The settings' levels, seconds; a model or location of None stands for all."""
        self._own = Slo(latency_s=0.0, ttft_s=ttft_s, tbt_s=tbt_s)
        self._model = model
        self._location = location
        self._pool_mode = pool_mode
        self.slo = self._own
        self.bounds = ClockBounds()

    def take(self, plan: Plan) -> None:
        """Another plan is in force."""
        pools = [pool for pool in plan.pools if self._is_ours(pool)]
        self.slo = Slo(
            latency_s=0.0,
            ttft_s=min((pool.slo.ttft_s for pool in pools if pool.slo.ttft_s), default=self._own.ttft_s),
            tbt_s=min((pool.slo.tbt_s for pool in pools if pool.slo.tbt_s), default=self._own.tbt_s),
        )
        bounding = self._bounding(pools) if plan.mode is PlanMode.ACT else ()
        self.bounds = _tightest(pool.sm_clock_mhz for pool in bounding)

    def _bounding(self, pools: Sequence[Pool]) -> Sequence[Pool]:
        of_this_mode = [pool for pool in pools if pool.mode == self._pool_mode]
        return of_this_mode or [pool for pool in pools if pool.instances.max] or pools

    def _is_ours(self, pool: Pool) -> bool:
        return self._model in (None, pool.model) and self._location in (None, pool.location)


def _tightest(each: Iterable[ClockBounds]) -> ClockBounds:
    bounds = list(each)
    return ClockBounds(
        floor=max((one.floor for one in bounds if one.floor is not None), default=None),
        ceiling=min((one.ceiling for one in bounds if one.ceiling is not None), default=None),
    )
