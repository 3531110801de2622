"""What the governor has to keep: service levels and clock bounds of the plan's pools, or the settings' own."""

from collections.abc import Iterable

from freesh_plugin.core.plan import ClockBounds, Plan, PlanMode, Pool, Slo


class ClockPromise:
    """The tightest of all pools that this instance may serve.

    Service levels are promises whatever the plan's mode; its clock bounds are acts, and only a plan in `act` mode
    sets them. A level of 0 is not stated, and the settings' own counts.
    """

    def __init__(self, ttft_s: float, tbt_s: float, model: str | None, location: str | None) -> None:
        """The settings' levels, seconds; a model or location of None stands for all."""
        self._own = Slo(latency_s=0.0, ttft_s=ttft_s, tbt_s=tbt_s)
        self._model = model
        self._location = location
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
        self.bounds = _tightest(pool.sm_clock_mhz for pool in pools) if plan.mode is PlanMode.ACT else ClockBounds()

    def _is_ours(self, pool: Pool) -> bool:
        return self._model in (None, pool.model) and self._location in (None, pool.location)


def _tightest(each: Iterable[ClockBounds]) -> ClockBounds:
    bounds = list(each)
    return ClockBounds(
        floor=max((one.floor for one in bounds if one.floor is not None), default=None),
        ceiling=min((one.ceiling for one in bounds if one.ceiling is not None), default=None),
    )
