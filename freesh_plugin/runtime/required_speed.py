"""How much faster decoding must become so that the answers under way are whole when they are due."""

from collections.abc import Iterable

from freesh_plugin.runtime.governor_signals import AnswerDue

FROM_SHARE = 0.5
"""An answer counts once this share of its time is over: before, most that are thought too long turn out shorter."""

MOST = 1.3
"""About what the SM clock can do for decoding, from the usual floor to its highest: reading memory does not follow it.

An answer that needs more is late at any clock, and nothing is to be gained for it. (`core.step_model`: a batch of 64
with 100,000 tokens of KV memory takes 1.22 times as long at 1,110 MHz as at 1,980; more where prompts are computed.)
"""


def required_speed(answers: Iterable[AnswerDue], tbt_s: float) -> float:
    """The most that any of them needs, times the present speed; 0 where none does.

    What one needs is the density of real-time scheduling: work left / time left, here tokens expected · TBT / seconds
    until the last is due. It is the reciprocal view of the laxity that LLF orders by: below 1 laxity is positive.

    Args:
        answers: Those under way whose end was promised.
        tbt_s: Mean time between tokens of late, seconds: an answer takes the sum of its passes, not their quantile.
    """
    half_over = (each for each in answers if each.left_s > 0 and each.age_s >= FROM_SHARE * (each.age_s + each.left_s))
    needed = (each.tokens * tbt_s / each.left_s for each in half_over)
    return max((each for each in needed if each <= MOST), default=0.0)
