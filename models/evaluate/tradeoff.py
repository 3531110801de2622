"""Time, watts and joules of a token at each clock of a fleet's instances, by the simulator's own models."""

from collections.abc import Iterator

from freesh_plugin.core.power_model import power_w, shares
from freesh_plugin.core.step_model import step_s
from models.domain.engine import EngineModel
from models.evaluate.report.tradeoff_rows import TradeoffRow
from models.evaluate.site import Site
from models.evaluate.site_modes import mode_name

BATCH, CONTEXT_TOKENS = 32, 1_024
"""So many requests decode together, each with so many tokens in memory; fewer where they do not fit."""


def tradeoff_of(site: Site) -> tuple[TradeoffRow, ...]:
    """Rows of the instance that each GPU type has where all is on."""
    engines = [site.fleet.engines[mode_name(gpu_type, gpus)] for gpu_type, gpus in site.shards.items()]
    return tuple(row for engine in engines for row in _rows(engine))


def _rows(engine: EngineModel) -> Iterator[TradeoffRow]:
    batch = max(min(BATCH, engine.max_batch, engine.kv_tokens // CONTEXT_TOKENS), 1)
    points = []
    for clock_mhz in engine.clocks_mhz:
        tbt_s = step_s(engine.step, clock_mhz, batch, batch * CONTEXT_TOKENS, 0)
        watts = power_w(engine.power, clock_mhz, shares(engine.step, clock_mhz, batch, 0, tbt_s, engine.shares))
        points.append((clock_mhz, tbt_s, watts, engine.gpus * watts * tbt_s / batch))
    least_j = min(token_j for *_, token_j in points)
    for clock_mhz, tbt_s, watts, token_j in points:
        yield TradeoffRow(
            engine.gpu_type, engine.mode, engine.basis.value, clock_mhz, batch, CONTEXT_TOKENS, tbt_s, watts, token_j,
            token_j == least_j,
        )  # fmt: skip
