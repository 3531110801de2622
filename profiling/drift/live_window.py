"""What a router did between two looks, and what a profile says that this work takes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile import TokenProfile
from profiling.live.counted_row import COUNTED, Counted, CountedRow

_LEVELS = ("sm_clock_mhz",)
"""What is not a counter."""


@dataclass(frozen=True)
class Window:
    """From one look to the next: the counters' growth, and the mean of what is no counter.

    `did` is None where a counter fell: the router was started anew meanwhile.
    """

    router: str
    location: str
    model: str
    seconds: float
    did: Counted | None

    @property
    def busy_s(self) -> float | None:
        """Seconds in which the shards computed."""
        did = self.did
        if did is None or did.prefill_s is None or did.decode_s is None:
            return None
        return did.prefill_s + did.decode_s


@dataclass(frozen=True)
class Expected:
    """What the profile says of a window's work: seconds of computing, and joules with the idle time that was left."""

    busy_s: float
    energy_j: float


def windows(rows: Iterable[CountedRow]) -> Iterator[Window]:
    """Each router's windows in their order."""
    by_router = sorted(rows, key=lambda row: (row.router, row.at_s))
    for router, own in groupby(by_router, key=lambda row: row.router):
        for before, after in pairwise(own):
            if after.at_s > before.at_s:
                did = _between(before.counted, after.counted)
                seconds = after.at_s - before.at_s
                # A router that has served nobody yet does not name its model.
                yield Window(router, after.location, after.model, seconds, did)


def expected(profile: TokenProfile, window: Window) -> Expected:
    """What the window's work takes by the profile, at the window's clock, mean lengths and mean batch.

    n prefills of the mean prompt, and as many decode steps as there were passes that decoded; a prefill that shares a
    pass with decoding adds to it, as the planner reckons.

    Raises:
        ProfileError: beyond what the profile covers, or not told.
    """
    did, idle_w = window.did, profile.limits.idle_power_w
    if did is None:
        raise ProfileError("the router was started anew")
    if None in (did.requests, did.prompt_tokens, did.answer_tokens, did.decode_passes, window.busy_s):
        raise ProfileError(f"{window.router} does not count its work")
    idle_s = max(window.seconds - (window.busy_s or 0.0), 0.0)
    requests = did.requests or 0.0
    if not requests:
        return Expected(0.0, idle_s * idle_w)
    clock = did.sm_clock_mhz if profile.sm_clocks_mhz else None
    prompt, answer = (did.prompt_tokens or 0.0) / requests, (did.answer_tokens or 0.0) / requests
    prefills_s = requests * profile.prefill_s(prompt, clock)
    energy_j = idle_s * idle_w + prefills_s * profile.prefill_power_w(prompt, clock)
    passes = (did.decode_passes or 0.0) + (did.joined_passes or 0.0)
    if not passes:
        return Expected(prefills_s, energy_j)
    batch = max((answer - 1) * requests / passes, 1.0)
    steps_s = passes * profile.decode_step_s(batch, prompt + answer / 2, clock)
    energy_j += steps_s * profile.decode_power_w(batch, prompt + answer / 2, clock)
    return Expected(prefills_s + steps_s, energy_j)


def _between(before: Counted, after: Counted) -> Counted | None:
    """What was counted between two looks; a counter that is not there yet stands at 0."""
    grown: dict[str, float | None] = {}
    for name in COUNTED:
        first, last = getattr(before, name), getattr(after, name)
        if name in _LEVELS:
            known = [each for each in (first, last) if each is not None]
            grown[name] = sum(known) / len(known) if known else None
        elif last is None:
            grown[name] = None
        elif last < (first or 0.0):
            return None
        else:
            grown[name] = last - (first or 0.0)
    return Counted(**grown)
