"""What requests of one class ask of one instance: seconds of prefill, tokens to decode, room in the KV cache."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile import TokenProfile
from models.domain.lengths import RequestLength

Floats = NDArray[np.float64]

_LEAST_PREFILL_S = 1e-6


class Places(StrEnum):
    """What limits how many requests decode at once."""

    KV_MEMORY = "KV memory"
    MAX_BATCH = "max batch"
    MEASURED = "measured range"


@dataclass(frozen=True)
class ClassWork:
    """Requests of one class on one instance, at one SM clock.

    Attributes:
        weights: Share of the requests of each length; sums to 1.  # shape (length,)
        prefill_s: What the prompt of each length adds: a pass of its own, or to one that decodes.  # shape (length,)
        gaps: Tokens of each length after its first, which prefill gives.  # shape (length,)
        turns: Passes that decode in which each length holds a place.  # shape (length,)
        step_s: Decode step with 1, 2, … requests in the batch.  # shape (batch,)
        step_power_w: Power during such a step.  # shape (batch,)
        prefill_power_w: Power during prefill, mean over its time.
        idle_power_w: Power without work.
        misfits: Share of the requests that alone exceed the KV cache.
        places_by: What limits the batch.
        chunked: Whether prompts are computed in passes that decode.
    """

    weights: Floats
    prefill_s: Floats
    gaps: Floats
    turns: Floats
    step_s: Floats
    step_power_w: Floats
    prefill_power_w: float
    idle_power_w: float
    misfits: float
    places_by: Places
    chunked: bool = False

    @classmethod
    def of(
        cls,
        profile: TokenProfile,
        lengths: Iterable[RequestLength],
        quantile: float,
        sm_clock_mhz: float | None = None,
    ) -> "ClassWork":
        """The work of requests of these lengths.

        Args:
            profile: Of the model in the mode.
            lengths: Joint sample of the class.
            quantile: Share of the time in which a full batch must fit the KV cache.
            sm_clock_mhz: Clock at which it runs; None = the highest that was measured.

        Raises:
            ProfileError: no lengths, or lengths beyond what was measured.
        """
        prompt, answer, weights = _arrays(lengths)
        gaps = np.maximum(answer - 1.0, 0.0)
        chunked = profile.limits.chunked
        prefill_s, prefill_j = _prefill(profile, prompt, sm_clock_mhz)
        most, places_by = places(profile, prompt + answer, weights * answer, quantile)
        context = _mean(prompt + answer / 2, weights * answer)
        step_s, step_power_w = _steps(profile, most, context, sm_clock_mhz)
        return cls(
            weights=weights,
            prefill_s=prefill_s,
            gaps=gaps,
            turns=gaps + 1.0 if chunked else gaps,
            step_s=step_s,
            step_power_w=step_power_w,
            prefill_power_w=float(weights @ prefill_j / (weights @ prefill_s)),
            idle_power_w=profile.limits.idle_power_w,
            misfits=float(weights[prompt + answer > profile.limits.kv_tokens].sum()),
            places_by=places_by if len(step_s) == most else Places.MEASURED,
            chunked=chunked,
        )

    @property
    def saturation_rps(self) -> float:
        """Rate at which prefill and full batches take all the time: 1 / (E[S] + E[turns]·step(B)/B)."""
        full = self.step_s[-1] / len(self.step_s)
        return float(1 / (self.weights @ self.prefill_s + self.weights @ self.turns * full))


def _prefill(profile: TokenProfile, prompt: Floats, sm_clock_mhz: float | None) -> tuple[Floats, Floats]:
    """Seconds and joules that each prompt adds.

    Within a pass that decodes that is what its own takes beyond a pass that hardly computes anything: a step of one
    request, which reads the same weights.
    """
    seconds = np.array([profile.prefill_s(each, sm_clock_mhz) for each in prompt])
    joules = seconds * np.array([profile.prefill_power_w(each, sm_clock_mhz) for each in prompt])
    if not profile.limits.chunked:
        return seconds, joules
    context = float(prompt.min())
    bare_s = profile.decode_step_s(1, context, sm_clock_mhz)
    bare_j = bare_s * profile.decode_power_w(1, context, sm_clock_mhz)
    return np.maximum(seconds - bare_s, _LEAST_PREFILL_S), np.maximum(joules - bare_j, 0.0)


def _steps(
    profile: TokenProfile, most: int, context_tokens: float, sm_clock_mhz: float | None
) -> tuple[Floats, Floats]:
    """Time and power of a step with 1, 2, … requests: up to `most`, or up to the last batch that was measured.

    An instance that holds fewer requests than it could serves no more than it could, so the capacity stays safe.
    """
    rows: list[tuple[float, float]] = []
    for batch in range(1, most + 1):
        try:
            step_s = profile.decode_step_s(batch, context_tokens, sm_clock_mhz)
            rows.append((step_s, profile.decode_power_w(batch, context_tokens, sm_clock_mhz)))
        except ProfileError:
            if not rows:
                raise
            break
    times_s, powers_w = zip(*rows, strict=True)
    return np.array(times_s), np.array(powers_w)


def places(profile: TokenProfile, reserved: Floats, time_share: Floats, quantile: float) -> tuple[int, Places]:
    """Requests that decode at once, and whether the KV cache or `max_batch` limits them.

    A request holds room for its prompt and its whole answer from start to end, so a running one holds more than an
    arriving one: lengths weigh by the time they run. Largest k with k·m + z·sd·√k <= KV tokens, where z is the normal
    quantile; at least 1.

    Args:
        profile: Whose limits hold.
        reserved: Tokens that each length holds.
        time_share: Time that each length runs, in any unit.
        quantile: Share of the time in which k requests must fit.
    """
    mean = _mean(reserved, time_share)
    spread = NormalDist().inv_cdf(quantile) * sqrt(_mean((reserved - mean) ** 2, time_share))
    root = (sqrt(spread * spread + 4 * mean * profile.limits.kv_tokens) - spread) / (2 * mean)
    fitting = max(int(root * root), 1)
    limit = profile.limits.max_batch
    return (fitting, Places.KV_MEMORY) if fitting < limit else (limit, Places.MAX_BATCH)


def _arrays(lengths: Iterable[RequestLength]) -> tuple[Floats, Floats, Floats]:
    """Prompt tokens, answer tokens, and weights that sum to 1."""
    rows = [(each.prompt_tokens, each.answer_tokens, each.weight) for each in lengths if each.weight > 0]
    if not rows:
        raise ProfileError("there are no requests of this class among the lengths")
    prompt, answer, weights = np.array(rows, dtype=float).T
    return prompt, answer, weights / weights.sum()


def _mean(values: Floats, weights: Floats) -> float:
    return float(values @ weights / weights.sum())
