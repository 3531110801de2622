"""What the governor is told at a tick, what it decides, and what it says of itself."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from freesh_plugin.core.gpu import GpuFailure, GpuReading
from freesh_plugin.runtime.governor_settings import GovernorMode


class GovernorReason(StrEnum):
    """Why the clock is what it is told to be; a label of metrics."""

    RAISED = "raised"
    JUMPED = "jumped"
    DUE = "tokens due"
    LOWERED = "lowered"
    HELD = "held"
    DWELLING = "dwelling"
    AT_FLOOR = "at floor"
    AT_CEILING = "at ceiling"
    STATIC = "static"
    IDLE = "idle"
    STARTED = "started"
    STALE = "stale telemetry"
    FAULTY = "faulty telemetry"
    OVERRUN = "overrun"
    THROTTLED = "throttled"
    MISMATCH = "read-back mismatch"
    GPU_LOST = "gpu lost"
    GPU_ERRORS = "gpu errors"
    NO_PERMISSION = "no permission"
    NOT_SUPPORTED = "not supported"
    MIG = "mig"
    TAKEN = "held by another"
    NO_CLOCKS = "no clocks"
    NO_SLO = "no slo"
    OBSERVING = "observing"


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of the newest decision that told the GPUs something.

    Attributes:
        target_mhz: The clock they were told; None for a release.
        failure: How it failed; None when all of them took it.
    """

    target_mhz: int | None
    failure: GpuFailure | None = None


class AnswerDue(NamedTuple):
    """An answer under way whose end was promised.

    Attributes:
        age_s: Seconds since its request arrived.
        left_s: Seconds until its last token is due; negative when that has passed.
        tokens: Tokens of it that are still expected, at least one.
    """

    age_s: float
    left_s: float
    tokens: float


class FirstTokenDue(NamedTuple):
    """A first token that is not there yet.

    Attributes:
        left_s: Seconds until it is due; negative when that has passed, infinite where nobody promised.
        prompt_s: Predicted seconds, at the speed of late, that its prompt still takes.
        joined: Whether it is in the batch: it is computed in any case, and before those that wait.
    """

    left_s: float
    prompt_s: float
    joined: bool


class Dues(NamedTuple):
    """What was promised and is not there yet.

    Attributes:
        answers: Those in the batch whose end was promised.
        firsts: First tokens that are not there yet, in the order in which their prompts are computed.
    """

    answers: tuple[AnswerDue, ...] = ()
    firsts: tuple[FirstTokenDue, ...] = ()


NOTHING_DUE = Dues()


@dataclass(frozen=True, slots=True)
class GovernorSignals:
    """News of one instance since the last tick.

    A pass of a tensor-parallel group takes as long as its slowest rank, so that its times are those of the worst rank
    already.

    Attributes:
        at_s: When the engine's telemetry was taken, monotonic seconds; None where there is none.
        tbt_s: One number a pass that made tokens: seconds since the pass before, which is what the batch waited.
        ttft_s: Seconds from arrival to first token of each request that got its first.
        waiting_age_s: Age of the oldest request without a first token; 0 without one.
        running: Requests in the batch.
        waiting: Requests that wait to join it.
        dues: What was promised and is not there yet.
        readings: The newest reading of each rank's GPU, or how reading it failed; empty where none was read.
        applied: What came of a decision that told the GPUs something, told once; None without news.
    """

    at_s: float | None
    tbt_s: tuple[float, ...]
    ttft_s: tuple[float, ...]
    waiting_age_s: float
    running: int
    waiting: int
    dues: Dues = NOTHING_DUE
    readings: tuple[GpuReading | GpuFailure, ...] = ()
    applied: Applied | None = None


@dataclass(frozen=True, slots=True)
class ClockDecision:
    """What to tell all GPUs of the instance, together.

    Attributes:
        target_mhz: The SM clock to hold them at or below; None = leave them alone.
        reason: Why.
        release: Give the clocks back to the driver instead.
    """

    target_mhz: int | None
    reason: GovernorReason
    release: bool = False


@dataclass(frozen=True, slots=True)
class GovernorState:
    """The governor after its last tick, for metrics.

    Attributes:
        mode: In force: `observe` where control is not given, or was taken away.
        reason: Of the last decision.
        pressure: r; 0 while nothing is known.
        target_mhz: What the GPUs were told; None = the driver's own.
        floor_mhz, ceiling_mhz: Bounds in force; 0 without a list of clocks.
        capacity_down: The GPU is slowed down by its power limit, heat or brake: it serves less than was planned.
        alarm: What somebody should look at, while it lasts.
    """

    mode: GovernorMode
    reason: GovernorReason
    pressure: float
    target_mhz: int | None
    floor_mhz: int
    ceiling_mhz: int
    capacity_down: bool
    alarm: GovernorReason | None
