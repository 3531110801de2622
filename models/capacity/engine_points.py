"""Points of a profile as a fit sees them: what each pass does, at which clock, how long, at how many watts a GPU."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from freesh_plugin.core.profile import Phase, TokenTable
from models.capacity.table_points import points_of

Floats = NDArray[np.float64]

TOP_WEIGHT = 3.0
"""How much more a point at the highest clock weighs, where capacities are reckoned and SLOs kept or broken.

With 1 the median error there is twice as large, with 6 that at the lowest clocks (profiles of `freesh_plugin/data`).
"""


@dataclass(frozen=True)
class EnginePoints:
    """Columns of the points; all arrays have shape (point,).

    Attributes:
        clocks_mhz: SM clock.
        batch: Requests that decode; 0 in a prefill.
        kv_tokens: Tokens of KV memory that are read; 0 in a prefill.
        prefill_tokens: Prompt tokens that are computed; 0 in a decode step.
        times_s: Of the pass.
        powers_w: Of one GPU.
    """

    clocks_mhz: Floats
    batch: Floats
    kv_tokens: Floats
    prefill_tokens: Floats
    times_s: Floats
    powers_w: Floats

    @classmethod
    def of(cls, table: TokenTable, gpus: int, top_clock_mhz: float) -> "EnginePoints":
        """Those of a table of an instance with so many GPUs; where no clock was stated it is `top_clock_mhz`."""
        points = tuple(points_of(table))
        decode = np.array([each.phase is Phase.DECODE for each in points])
        tokens, batch = (np.array(each, float) for each in zip(*((p.tokens, p.batch) for p in points), strict=True))
        return cls(
            clocks_mhz=np.array([each.sm_clock_mhz or top_clock_mhz for each in points]),
            batch=np.where(decode, batch, 0.0),
            kv_tokens=np.where(decode, batch * tokens, 0.0),
            prefill_tokens=np.where(decode, 0.0, tokens),
            times_s=np.array([each.time_s for each in points]),
            powers_w=np.array([each.power_w / gpus for each in points]),
        )

    @cached_property
    def weights(self) -> Floats:
        """How much each counts."""
        return np.where(self.clocks_mhz == self.clocks_mhz.max(), TOP_WEIGHT, 1.0)

    @property
    def one_clock(self) -> bool:
        """Whether all are of one clock, so that what the clock bounds cannot be told from what it does not."""
        return bool(np.ptp(self.clocks_mhz) == 0)

    def deviation(self, truth: Floats, of: Callable[[float, int, int, int], float]) -> float:
        """Median of |of(clock, batch, KV tokens, prompt tokens) / truth - 1|."""
        columns = zip(self.clocks_mhz, self.batch, self.kv_tokens, self.prefill_tokens, strict=True)
        modelled = np.array([of(float(f), round(b), round(kv), round(new)) for f, b, kv, new in columns])
        return float(np.median(np.abs(modelled / truth - 1)))
