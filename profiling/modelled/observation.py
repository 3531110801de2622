"""One published figure: what ran, how, how long it took, what it drew."""

from dataclasses import dataclass
from enum import StrEnum

from profiling.modelled.gpu_sheet import GpuSheet
from profiling.modelled.llm_size import LlmSize


class Kind(StrEnum):
    """What the time is of."""

    STEP = "step"
    """One decode step."""
    SERVED_STEP = "served step"
    """One decode step, on average over an instance that also prefills."""
    PREFILL = "prefill"
    """One prefill of all prompts of the batch."""
    RUN = "run"
    """A batch from its prompts to its last tokens, in turns where memory does not hold all of it."""


@dataclass(frozen=True)
class Observation:
    """A figure.

    Attributes:
        source: Data set and engine.
        llm, gpu: What ran on what.
        gpus: GPUs of the instance.
        tensor_parallel: Ranks that share each layer.
        batch: Requests at once.
        prompt_tokens, answer_tokens: Of each.
        kind: What `time_s` is of.
        time_s: How long it took; None where only power was told.
        power_w: Mean of one GPU; None where not told.
    """

    source: str
    llm: LlmSize
    gpu: GpuSheet
    gpus: int
    tensor_parallel: int
    batch: float
    prompt_tokens: float
    answer_tokens: float
    kind: Kind
    time_s: float
    power_w: float | None = None

    @property
    def pair(self) -> tuple[str, str]:
        """Model and GPU family: what is left out together."""
        return self.llm.name, str(self.gpu.family)
