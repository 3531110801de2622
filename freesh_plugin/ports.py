"""What the runtime needs from the world, as Protocols; adapters implement them, tests fake them."""

from typing import Protocol

from freesh_plugin.core.generation import EngineInfo, GenerationEvent, GenerationRequest
from freesh_plugin.core.gpu import GpuReading
from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.core.plan_document import PlanDocument
from freesh_plugin.core.plan_status import PlanAnswer, RuntimeStatus, Verdict


class Clock(Protocol):
    """Source of time."""

    def utc_s(self) -> float:
        """Seconds UTC since 1970, for epochs."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never run backwards, for laxity and timeouts."""
        ...


class PlanStore(Protocol):
    """Keeps the plan in force, and those waiting for their time, across restarts."""

    def load(self) -> tuple[PlanDocument, ...]:
        """Plans saved and not removed, oldest first; what cannot be read is set aside and left out."""
        ...

    def save(self, document: PlanDocument) -> None:
        """Store one plan atomically: after an error or a crash it is there wholly or not at all.

        Raises:
            PlanError: the plan could not be stored (a full disk, no permission); the others are untouched.
        """
        ...

    def remove(self, document: PlanDocument) -> None:
        """Forget one plan; a failure is logged, since a plan too many does no harm."""
        ...


class PlanDesk(Protocol):
    """Where plans are offered and looked up; safe to call from several threads."""

    def accept(self, text: bytes) -> PlanAnswer:
        """Check, order and store an offered plan; never raises for what the text holds."""
        ...

    def refuse(self, verdict: Verdict, reason: str) -> PlanAnswer:
        """Count and answer a plan that was refused before it was read."""
        ...

    def in_force(self) -> PlanDocument | None:
        """The plan in force now."""
        ...

    def status(self) -> RuntimeStatus:
        """State of everything, now."""
        ...


class TokenStream(Protocol):
    """Events of one request, in order; ends after the one that carries an end or a failure."""

    def __aiter__(self) -> "TokenStream":
        """Itself."""
        ...

    async def __anext__(self) -> GenerationEvent:
        """The next event."""
        ...

    def cancel(self) -> None:
        """The client is gone: nothing more is wanted. Harmless after the end."""
        ...


class Engine(Protocol):
    """What the HTTP side needs of the step loop; it may be in another process."""

    @property
    def info(self) -> EngineInfo:
        """What shards and warm-up said."""
        ...

    def submit(self, request: GenerationRequest) -> TokenStream:
        """Queue a request; never blocks and never raises: a loss comes as a `FailureEvent`."""
        ...

    async def health(self) -> bool:
        """Whether the shards answer, and can generate if nothing was generated lately."""
        ...

    async def metrics(self) -> bytes:
        """The step loop's metrics in Prometheus's text format."""
        ...


class LengthEstimator(Protocol):
    """Predicts how long an answer will be, before and while it is made."""

    def estimate(
        self, prompt_tokens: int, max_new_tokens: int, client: str = "", text: str | None = None
    ) -> AnswerLength:
        """Quantiles of the answer's length in tokens, at arrival."""
        ...

    def observe(self, prompt_tokens: int, answer_tokens: int, client: str = "") -> None:
        """Learn from an answer that has ended by itself."""
        ...


class GpuDevice(Protocol):
    """One GPU, read by whoever wants to know. Calls may block for a while: never from an event loop."""

    @property
    def uuid(self) -> str:
        """Its name for life (`GPU-…`); indices differ between programs."""
        ...

    @property
    def name(self) -> str:
        """Its product's name."""
        ...

    def supported_clocks_mhz(self) -> tuple[int, ...]:
        """SM clocks that can be set, ascending.

        Raises:
            GpuError: it does not say.
        """
        ...

    def read(self, now_s: float) -> GpuReading:
        """Look at it.

        Raises:
            GpuError: it does not answer at all; a single thing that it does not tell is None.
        """
        ...


class ClockSetter(Protocol):
    """The only way to set clocks; whatever was set ends with the setter's connection."""

    def limit_sm_clock_mhz(self, uuids: tuple[str, ...], sm_clock_mhz: int) -> None:
        """Hold the SM clock of these GPUs at or below a supported clock: all of them, or none.

        Raises:
            GpuError: one could not be set; those that were are as before.
        """
        ...

    def release(self, uuids: tuple[str, ...]) -> None:
        """Give the clocks back to the driver.

        Raises:
            GpuError: one could not be reset.
        """
        ...
