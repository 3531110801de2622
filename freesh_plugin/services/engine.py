"""Brings a model's shards up, and puts the step loop over them together."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from freesh_plugin.adapters.router_metrics import RouterMetrics
from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.exact_ids_file import read_secret
from freesh_plugin.adapters.tgi.router_args import RouterArgs
from freesh_plugin.adapters.tgi.shard_error import ShardError
from freesh_plugin.adapters.tgi.shards import ShardGroup, ShardTimes, WarmedUp
from freesh_plugin.adapters.tgi.synthetic_batches import warmup_request
from freesh_plugin.config import PluginConfig
from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.generation import EngineInfo, GenerationEvent
from freesh_plugin.ports import Clock, LengthEstimator
from freesh_plugin.runtime.energy_shares import EnergyShares
from freesh_plugin.runtime.energy_weights import ASSUMED_WEIGHTS
from freesh_plugin.runtime.pace import MeasuredPace
from freesh_plugin.runtime.padded_memory import PaddedMemory
from freesh_plugin.runtime.paged_memory import PagedMemory, PagedShape
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.service_levels import ServiceLevels
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.token_times import TokenTimes
from freesh_plugin.services.guarded_scheduler import GuardedScheduler, MakeScheduler
from freesh_plugin.services.leg_batch import BatchWriter
from freesh_plugin.services.reception import Reception
from freesh_plugin.services.request_book import RequestBook
from freesh_plugin.services.shard_batches import ShardBatches
from freesh_plugin.services.step_loop import LoopLimits, StepLoop

log = logging.getLogger(__name__)

_UNSTATED_BATCH = 4096
_UNSTATED_TOTAL_TOKENS = 16_000
"""Memory in tokens of a model that cannot say, as TGI assumes it."""


@dataclass
class RunningEngine:
    """A model that is up: its shards, its step loop, and the reception whose service levels follow the plan."""

    shards: ShardGroup
    info: EngineInfo
    loop: StepLoop
    reception: Reception
    memory: PagedMemory | PaddedMemory

    async def healthy(self) -> bool:
        """Whether the shards answer; after a failed pass, whether they can generate again."""
        if self.loop.lost is not None:
            return False
        try:
            await (self.shards.health() if self.loop.proven else self.shards.can_generate())
        except ShardError as error:
            log.warning("unhealthy reason=%s", error)
            return False
        self.loop.proven = True
        return True


async def bring_up(
    args: RouterArgs,
    config: PluginConfig,
    clock: Clock,
    metrics: RouterMetrics,
    emit: Callable[[list[GenerationEvent]], None],
    lengths: LengthEstimator,
    scheduler_of: MakeScheduler = Scheduler,
    energy: EnergyShares | None = None,
    times: TokenTimes | None = None,
) -> RunningEngine:
    """Connect to the shards, clear what another router left there, warm up.

    `energy` and `times` are told what the step loop does; they outlive an engine whose shards are lost.

    Raises:
        ShardError: they do not answer, or have not enough memory.
        ConfigError: the flags' limits do not fit the model's.
    """
    shards = await ShardGroup.connect(args.master_shard_uds_path, ShardTimes(step_s=config.shard_timeout_s))
    await shards.clear_cache()
    said = await shards.info()
    log.info("warming_up ranks=%d attention=%s", shards.ranks, said.attention_impl)
    warm = await shards.warmup(
        warmup_request(args.max_batch_prefill_tokens, args.max_input_tokens, args.max_total_tokens, args.max_batch_size)
    )
    writer = BatchWriter([read_secret(path) for path in shards.sockets])
    if not writer.exact_ids:
        log.warning("no_exact_ids: shards take text only, so no request is preempted")
    info = _checked_info(args, said, warm, writer.exact_ids)
    memory = memory_of(info, args.max_batch_prefill_tokens)
    info = _fitted(info, memory.longest_tokens)
    log.info("warmed_up memory_tokens=%d exact_ids=%s", info.max_batch_total_tokens, info.exact_ids)
    metrics.batch_limit.set(info.max_batch_total_tokens)
    metrics.exact_ids.set(writer.exact_ids)
    pace = MeasuredPace()
    scheduler = GuardedScheduler(
        _settings(config, info, memory.longest_tokens), pace, memory, scheduler_of, metrics.scheduler_faults.inc
    )
    levels = ServiceLevels(None, config.model, config.location, config.deadline_factor)
    reception = Reception(levels, lengths, pace, metrics, config.location)
    energy = energy or EnergyShares(ASSUMED_WEIGHTS)
    batches = ShardBatches(shards, writer, info.support_chunking, clock, metrics, energy)
    # With speculation a stop sequence may lie within the tokens of one step, which a shard alone can cut there.
    restorable = writer.exact_ids and info.speculate == 0
    book = RequestBook(scheduler, memory, batches, reception, restorable, config.leg_tokens, metrics, energy)
    limits = LoopLimits(args.max_batch_size or _UNSTATED_BATCH, args.max_batch_prefill_tokens, info.support_chunking)
    loop = StepLoop(scheduler, pace, book, batches, limits, clock, metrics, emit, times or TokenTimes())
    return RunningEngine(shards, info, loop, reception, memory)


def _settings(config: PluginConfig, info: EngineInfo, longest_tokens: int) -> SchedulerSettings:
    return SchedulerSettings(
        policy=Policy(config.policy),
        total_tokens_limit=longest_tokens,
        tokens_per_step=1 + info.speculate,
    )


def memory_of(info: EngineInfo, max_prefill_tokens: int) -> PagedMemory | PaddedMemory:
    """The books of the shards' memory."""
    if info.requires_padding:
        return PaddedMemory(info.max_batch_total_tokens, max_prefill_tokens, info.speculate)
    shape = PagedShape(
        total_tokens=info.max_batch_total_tokens,
        block_size=info.block_size,
        speculate=info.speculate,
        prefix_caching=info.use_prefix_caching,
        keeps_state=info.exact_ids and info.support_chunking,
    )
    return PagedMemory(shape)


def _checked_info(args: RouterArgs, said: messages.InfoResponse, warm: WarmedUp, exact_ids: bool) -> EngineInfo:
    total = warm.max_supported_total_tokens
    if total is None:
        total = args.max_batch_total_tokens or max(
            _UNSTATED_TOTAL_TOKENS, warm.max_total_tokens, args.max_batch_prefill_tokens
        )
    info = EngineInfo(
        dtype=said.dtype,
        device_type=said.device_type,
        requires_padding=said.requires_padding,
        support_chunking=said.support_chunking,
        use_prefix_caching=said.use_prefix_caching,
        attention=said.attention_impl,
        block_size=max(said.block_size, 1),
        window_size=said.window_size if said.HasField("window_size") else None,
        speculate=said.speculate,
        max_input_tokens=warm.max_input_tokens,
        max_total_tokens=warm.max_total_tokens,
        max_batch_total_tokens=total,
        exact_ids=exact_ids,
    )
    _check(info, args.max_batch_prefill_tokens)
    return info


def _fitted(info: EngineInfo, longest_tokens: int) -> EngineInfo:
    """Limits that every request within them can be served by: what warm-up finds may be a block more than that."""
    total = min(info.max_total_tokens, longest_tokens)
    return msgspec.structs.replace(info, max_total_tokens=total, max_input_tokens=min(info.max_input_tokens, total - 1))


def _check(info: EngineInfo, max_prefill_tokens: int) -> None:
    if info.max_input_tokens >= info.max_total_tokens:
        raise ConfigError(
            f"--max-input-tokens {info.max_input_tokens} is not less than --max-total-tokens {info.max_total_tokens}"
        )
    if info.max_input_tokens > max_prefill_tokens and not info.support_chunking:
        raise ConfigError(
            f"--max-batch-prefill-tokens {max_prefill_tokens} is less than --max-input-tokens {info.max_input_tokens}, "
            "and this model cannot compute a prompt in parts"
        )
    for flag, tokens in (("max-batch-prefill-tokens", max_prefill_tokens), ("max-total-tokens", info.max_total_tokens)):
        if tokens > info.max_batch_total_tokens:
            raise ConfigError(f"--{flag} {tokens} is more than the {info.max_batch_total_tokens} tokens of its memory")
