"""What is due of requests and is not there yet, and the prompts before it, as the governor is told it."""

from collections.abc import Iterable, Iterator
from itertools import islice
from math import inf

from freesh_plugin.runtime.entry import Entry
from freesh_plugin.runtime.governor_signals import AnswerDue, FirstTokenDue

_LOOKED_AT = 1024
"""Of those that wait, so many of the oldest: where more wait, r has long seen it."""


def answers_due(running: Iterable[Entry], now_s: float) -> Iterator[AnswerDue]:
    """Those in the batch whose end was promised: how long they have, and what is expected of them."""
    for entry in running:
        if entry.job.stretch is None and entry.job.deadline_s < inf:
            yield AnswerDue(now_s - entry.job.arrival_s, entry.job.deadline_s - now_s, entry.remaining_tokens)


def firsts_due(
    running: Iterable[Entry], waiting: Iterable[Entry], now_s: float, pass_tokens: int
) -> Iterator[FirstTokenDue]:
    """First tokens that are not there yet, and what their prompts still take.

    Prompts in the batch come first, in the order in which they joined. Engines compute one in part at most, the first:
    of it the time since it joined is taken as computed. Then come those that wait, in the order in which they are due.
    Not told of is what resuming takes, nor who waits without a promise, or is late already: LLF lets them wait on.

    Args:
        running: Those in the batch, in the order in which they joined.
        waiting: Those that wait, oldest first.
        now_s: Now.
        pass_tokens: Prompt tokens that a pass can take: so many passes are made, and each decodes as well.
    """
    computed_s: float | None = None
    for entry in running:
        if not entry.generated:
            computed_s = now_s - entry.since_s if computed_s is None else 0.0
            due_s = inf if entry.job.first_due_s is None else entry.job.first_due_s
            yield FirstTokenDue(due_s - now_s, max(_passes_s(entry, pass_tokens) - computed_s, 0.0), joined=True)
    due = [
        (entry.job.first_due_s, _passes_s(entry, pass_tokens))
        for entry in islice(waiting, _LOOKED_AT)
        if entry.job.first_due_s is not None and entry.job.first_due_s > now_s and not entry.generated
    ]
    for due_s, prompt_s in sorted(due):
        yield FirstTokenDue(due_s - now_s, prompt_s, joined=False)


def _passes_s(entry: Entry, pass_tokens: int) -> float:
    """Seconds of the passes that a prompt takes."""
    return entry.start_s + entry.tbt_s * entry.start_tokens / max(pass_tokens, 1)
