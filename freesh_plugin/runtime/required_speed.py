"""How much faster an instance must become so that tokens come when they are due, and the clock for it."""

from collections.abc import Iterable
from math import inf

from freesh_plugin.runtime.governor_signals import AnswerDue, FirstTokenDue

FROM_SHARE = 0.5
"""An answer counts once this share of its time is over: before, most that are thought too long turn out shorter."""

MOST = 1.3
"""About what the SM clock can do for decoding, from the usual floor to its highest: reading memory does not follow it.

(`core.step_model`: a batch of 64 with 100,000 tokens of KV memory takes 1.22 times as long at 1,110 MHz as at 1,980;
1.42 with 128 prompt tokens in the pass.)
"""

ENOUGH = 0.9
"""Below this there is so much room that a lower clock can be tried."""

EXPONENT = 2
"""d ln f / d ln speed: 2 where half of a pass follows the clock.

(`core.step_model` at 1,110 MHz: .42 of the pass above, .67 with 128 prompt tokens in it, .85 with 512.)
"""

_NOISE = 1.03
"""Lengths are estimates: so much too late at the highest clock may yet be in time."""


def required_speed(answers: Iterable[AnswerDue], tbt_s: float, most: float) -> float:
    """The most that any of them needs, times the present speed; 0 where none does.

    What one needs is the density of real-time scheduling: work left / time left, here tokens expected · TBT / seconds
    until the last is due. Below 1 the laxity that LLF orders by is positive. Whoever needs more than `most` is late at
    any clock, and nothing is to be gained for it.

    Args:
        answers: Those under way whose end was promised. What is no number counts for nothing.
        tbt_s: Mean time between tokens at the present clock, seconds: an answer takes the sum of its passes.
        most: Speed that the highest clock would bring to all of a pass, times the present one.
    """
    highest, most = 0.0, min(most, MOST)
    for age_s, left_s, tokens in answers:
        if left_s > 0 and age_s >= FROM_SHARE * (age_s + left_s):
            needed = tokens * tbt_s / left_s
            if highest < needed <= most:
                highest = needed
    return highest


def required_prompt_speed(firsts: Iterable[FirstTokenDue], most: float) -> float:
    """The most that any first token needs, times the speed of late; 0 where none does.

    Again work left / time left, the work being all prompts up to its own: the processor demand of EDF's test of
    feasibility. Who waits and needs more than `most` is late at any clock: nothing is to be gained for it, and those
    who can be saved come before it.

    Args:
        firsts: Those that are not there yet, in order. What is no number counts for nothing.
        most: Speed that the highest clock would bring, times that of late: prompts follow it almost wholly.
    """
    highest = work_s = 0.0
    for left_s, prompt_s, joined in firsts:
        if not 0 <= prompt_s < inf:
            continue
        needed = (work_s + prompt_s) / left_s if left_s > 0 else inf
        if joined or needed <= most:
            work_s += prompt_s
        if highest < needed <= most:
            highest = needed
    return highest


def most_speed(clock_mhz: float, ceiling_mhz: float) -> float:
    """Speed that the ceiling may bring, times the present one, to what follows the clock wholly."""
    return _NOISE * ceiling_mhz / clock_mhz


def required_mhz(clock_mhz: float, speed: float, measured_mhz: float | None = None) -> float:
    """The least next clock: higher where more speed is required, the same where it just does, else any (0).

    `speed` is so many times that at `measured_mhz`, where that is another clock than the present one.
    """
    if measured_mhz is None:
        measured_mhz = clock_mhz
    if speed > 1:
        return measured_mhz * speed**EXPONENT
    return min(measured_mhz, clock_mhz) if speed >= ENOUGH else 0.0
