"""What a request costs at a clock, and at which clock it costs least."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile import Phase, TokenPoint, TokenProfile

CLASSES = ("SS", "SL", "LS", "LL")
"""Of a prompt and an answer boundary."""

_ANSWERS = (64, 256)


@dataclass(frozen=True)
class Length:
    """A request in a word: what stands for a class."""

    name: str
    prompt_tokens: float
    answer_tokens: float


@dataclass(frozen=True)
class Cost:
    """One request among `batch` that are alike, at one clock.

    Attributes:
        sm_clock_mhz: None = the one at which all was measured.
        latency_s: From its prefill to its last token, nothing else waited for.
        energy_j: Its share of what the instance draws meanwhile.
        energy_per_token_j: The same for each answer token.
        tokens_per_s: Answer tokens of a full instance, prefills included.
        power_w: Mean of the full instance.
    """

    sm_clock_mhz: float | None
    latency_s: float
    energy_j: float
    energy_per_token_j: float
    tokens_per_s: float
    power_w: float


@dataclass(frozen=True)
class LeastEnergy:
    """The clock of least energy for a class, beside the highest.

    Attributes:
        length: The class.
        best: Cost at the clock of least energy; the higher clock where two tie.
        top: Cost at the highest clock.
    """

    length: Length
    best: Cost
    top: Cost

    @property
    def saving(self) -> float:
        """Share of the energy at the highest clock that is saved."""
        return 1 - self.best.energy_j / self.top.energy_j

    @property
    def slower(self) -> float:
        """Share by which a request takes longer."""
        return self.best.latency_s / self.top.latency_s - 1


def cost(profile: TokenProfile, length: Length, batch: int, sm_clock_mhz: float | None) -> Cost:
    """Energy of a request: its prefill, for which the instance works alone, and its share of n - 1 decode steps.

        E = P_pre·t_pre + (n - 1)·P_dec·t_dec / batch

    Raises:
        ProfileError: length, batch or clock beyond what the profile covers.
    """
    context = length.prompt_tokens + length.answer_tokens / 2
    prefill_s = profile.prefill_s(length.prompt_tokens, sm_clock_mhz)
    step_s = profile.decode_step_s(batch, context, sm_clock_mhz)
    steps = max(length.answer_tokens - 1, 0.0)
    own_s = prefill_s + steps * step_s / batch
    energy_j = (
        profile.prefill_power_w(length.prompt_tokens, sm_clock_mhz) * prefill_s
        + profile.decode_power_w(batch, context, sm_clock_mhz) * steps * step_s / batch
    )
    return Cost(
        sm_clock_mhz=sm_clock_mhz,
        latency_s=prefill_s + steps * step_s,
        energy_j=energy_j,
        energy_per_token_j=energy_j / length.answer_tokens,
        tokens_per_s=length.answer_tokens / own_s,
        power_w=energy_j / own_s,
    )


def fitting_batch(profile: TokenProfile, length: Length) -> int:
    """Requests of this length that an instance holds at once."""
    held = int(profile.limits.kv_tokens / (length.prompt_tokens + length.answer_tokens))
    return max(min(held, profile.limits.max_batch), 1)


def over_clocks(profile: TokenProfile, length: Length, batch: int) -> tuple[Cost, ...]:
    """Costs at every clock of the profile, ascending; a single one where no clock was stated.

    Raises:
        ProfileError: as `cost`.
    """
    return tuple(cost(profile, length, batch, clock) for clock in profile.sm_clocks_mhz or (None,))


def least_energy(profile: TokenProfile, lengths: Sequence[Length], batch: int) -> tuple[LeastEnergy, ...]:
    """The clock of least energy for each class.

    Raises:
        ProfileError: as `cost`.
    """
    found = []
    for length in lengths:
        costs = over_clocks(profile, length, batch)
        best = min(reversed(costs), key=lambda each: each.energy_j)
        found.append(LeastEnergy(length, best, costs[-1]))
    return tuple(found)


def short_and_long(points: Iterable[TokenPoint]) -> list[Length]:
    """The shortest prompt and a long one, 64 and 256 answer tokens: what stands for the classes without lengths."""
    prompts = sorted({each.tokens for each in points if each.phase is Phase.PREFILL})
    long = max(each for each in prompts if each <= max(1024, prompts[0]))
    both = ((prompt, answer) for prompt in (prompts[0], long) for answer in _ANSWERS)
    return [Length(name, *each) for name, each in zip(CLASSES, both, strict=True)]


def frugal_clock_mhz(profile: TokenProfile, lengths: Iterable[Length]) -> float | None:
    """The clock below which some of these requests, in full batches, take more energy and more time.

    That is the highest of their clocks of least energy. None where the profile covers none of them, or states fewer
    than two clocks and so nothing of which is best.
    """
    if len(profile.sm_clocks_mhz) < 2:
        return None
    found = []
    for length in lengths:
        with suppress(ProfileError):  # longer than what was measured
            found.append(least_energy(profile, [length], fitting_batch(profile, length))[0].best.sm_clock_mhz or 0.0)
    return max(found, default=None)
