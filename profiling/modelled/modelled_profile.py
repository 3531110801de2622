"""Modelled profiles over clock, batch and tensor parallelism, anchored on published figures at the top clock."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile import Basis, Phase
from freesh_plugin.core.profile_document import SCHEMA_VERSION, Limits, Point, ProfileDocument, Provenance
from profiling.modelled.clock_model import ClockedPass
from profiling.modelled.gpu_sheet import EXTRAPOLATED_FROM, GpuSheet, sheet
from profiling.modelled.leave_out import Fits
from profiling.modelled.llm_size import LlmSize, llm_size
from profiling.modelled.observation import Kind, Observation
from profiling.modelled.power_models import power_model
from profiling.modelled.terms import kv_capacity

ENGINE = "LLM-Inference-Bench (vLLM)"
"""The engine whose factors are taken: of those in the public data, the nearest to TGI 3 in age and kernels."""

POWER_OF = {Kind.STEP: ENGINE, Kind.PREFILL: "splitwise-sim"}
"""Whose power is taken: that of a prefill is told by splitwise-sim alone, as the peak, an upper bound of the mean."""

_BATCHES = (1, 8, 16, 32, 64, 128)
_CONTEXTS = (128, 1024, 4096, 8192)
_PROMPTS = (128, 512, 2048, 8192)
_CLOCK_SHARES = (0.5, 0.57, 0.64, 0.71, 0.8, 0.9, 1.0)
_PUBLISHED_MHZ = {"A100": (810, 1005), "H100": (840, 1110), "H200": (840, 1110)}
_STEP_MHZ = 15
_DIGITS = 5


@dataclass(frozen=True)
class Instance:
    """What a profile is made for: a model on so many GPUs of one type, all of them one tensor-parallel group."""

    gpu: str
    llm: str
    gpus: int

    @property
    def mode(self) -> str:
        """Name of the mode."""
        return f"TP{self.gpus}x{self.gpu}"

    @property
    def file_name(self) -> str:
        """Where the profile is kept."""
        return f"{self.gpu}-{self.llm}-tp{self.gpus}.json".lower()


SHIPPED = tuple(
    Instance(gpu, llm, gpus)
    for gpu in ("A100", "H100")
    for llm, gpus in (("llama-3-8b", 1), ("llama-3-70b", 2), ("llama-3-70b", 4), ("llama-3-70b", 8))
)
"""The profiles that the project brings. H200 and L40S are made on request, labelled as extrapolated."""


def modelled_profile(fits: Fits, instance: Instance, provenance: Provenance, variant: str = "mid") -> ProfileDocument:
    """A profile over clocks.

    Args:
        fits: To the published figures.
        instance: What it is for.
        provenance: What stands behind it.
        variant: Which of the power models that bracket the published clocks of least energy.

    Raises:
        ProfileError: GPU or model is not known, or the weights do not fit.
    """
    gpu, llm = sheet(instance.gpu), llm_size(instance.llm)
    extrapolated = gpu.family is None
    anchor = replace(gpu, family=EXTRAPOLATED_FROM[gpu.name]) if extrapolated else gpu
    one = _observation(Kind.STEP, anchor, llm, instance.gpus, 1, 1)
    if llm.weight_bytes > gpu.memory_bytes * instance.gpus * 0.9:
        raise ProfileError(
            f"{llm.name}: {llm.weight_bytes / 1e9:.0f} GB of weights do not fit {instance.gpus} x {gpu.name} of"
            f" {gpu.memory_bytes / 1e9:.0f} GB"
        )
    kv_tokens = int(kv_capacity(one))
    batches = [each for each in _BATCHES if each * _CONTEXTS[0] <= kv_tokens] or [1]
    works = [_observation(Kind.PREFILL, anchor, llm, instance.gpus, 1, prompt) for prompt in _PROMPTS]
    works += [
        _observation(Kind.STEP, anchor, llm, instance.gpus, batch, context)
        for batch in batches
        for context in _contexts(kv_tokens // batch)
    ]
    return ProfileDocument(
        schema_version=SCHEMA_VERSION,
        gpu=gpu.name,
        gpus=instance.gpus,
        model=llm.name,
        mode=instance.mode,
        basis=Basis.MODELLED,
        extrapolated=extrapolated,
        limits=Limits(batches[-1], kv_tokens, gpu.idle_w * instance.gpus),
        points=list(_points(fits, works, gpu, variant)),
        provenance=provenance,
    )


def clocks_mhz(gpu: GpuSheet) -> tuple[int, ...]:
    """Clocks of a modelled profile: even shares of the highest, and the published clocks of least energy."""
    published = _PUBLISHED_MHZ.get(gpu.name, ())
    shares = {round(gpu.top_clock_mhz * each / _STEP_MHZ) * _STEP_MHZ for each in _CLOCK_SHARES}
    apart = {each for each in shares if all(abs(each - clock) > 2 * _STEP_MHZ for clock in published)}
    return tuple(sorted(apart | set(published)))


def _contexts(most: int) -> list[int]:
    """Contexts up to the longest that memory holds for each request of a batch, itself included."""
    longest = min(most, _CONTEXTS[-1])
    return [*(each for each in _CONTEXTS if each < longest), longest]


def _points(fits: Fits, works: list[Observation], gpu: GpuSheet, variant: str) -> Iterator[Point]:
    model = power_model(gpu, variant)
    parts = fits.times.parts_s(works)
    watts = fits.powers.power_w([replace(each, source=POWER_OF[each.kind]) for each in works])
    for sm_clock_mhz in clocks_mhz(gpu):
        for work, own_s, top_w in zip(works, parts, watts, strict=True):
            at_clock = ClockedPass(own_s, float(top_w), model)
            yield Point(
                phase=Phase.PREFILL if work.kind is Kind.PREFILL else Phase.DECODE,
                batch=int(work.batch),
                tokens=work.prompt_tokens,
                sm_clock_mhz=sm_clock_mhz,
                time_s=_rounded(at_clock.time_s(sm_clock_mhz)),
                power_w=_rounded(at_clock.power_w(sm_clock_mhz) * work.gpus),
            )


def _observation(kind: Kind, gpu: GpuSheet, llm: LlmSize, gpus: int, batch: int, tokens: int) -> Observation:
    """A pass to be predicted; of a decode step the tokens are all context."""
    return Observation(ENGINE, llm, gpu, gpus, gpus, batch, tokens, 0, kind, 0.0)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
