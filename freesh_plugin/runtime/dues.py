"""What was promised of requests and is not there yet, as the governor is told it."""

from collections.abc import Iterable, Iterator
from itertools import islice
from math import inf

from freesh_plugin.runtime.entry import Entry
from freesh_plugin.runtime.governor_signals import AnswerDue, FirstTokenDue

_LOOKED_AT = 256
"""Of those that wait, the oldest: where more wait, r has long seen it."""


def answers_due(running: Iterable[Entry], now_s: float) -> Iterator[AnswerDue]:
    """Those in the batch whose end was promised: how long they have, and what is expected of them."""
    for entry in running:
        if entry.job.stretch is None and entry.job.deadline_s < inf:
            yield AnswerDue(now_s - entry.job.arrival_s, entry.job.deadline_s - now_s, entry.remaining_tokens)


def firsts_due(
    running: Iterable[Entry], waiting: Iterable[Entry], now_s: float, pass_tokens: int
) -> Iterator[FirstTokenDue]:
    """First tokens that were promised, with the prompts that come before them.

    Prompts in the batch come first, in the order in which they joined, the first of them as far as it has not been
    computed since; then those that wait, in the order in which they are due. Who waits and is late already is not
    waited for.

    Args:
        running: Those in the batch, in the order in which they joined.
        waiting: Those that wait, oldest first.
        now_s: Now.
        pass_tokens: Prompt tokens that a pass can take: so many passes are made, and each decodes as well.
    """
    prompts_s, computed_s = 0.0, None
    for entry in running:
        if entry.generated:
            continue
        if computed_s is None:
            computed_s = now_s - entry.since_s
            prompts_s = max(_passes_s(entry, pass_tokens) - computed_s, 0.0)
        else:
            prompts_s += _passes_s(entry, pass_tokens)
        if entry.job.first_due_s is not None:
            yield FirstTokenDue(entry.job.first_due_s - now_s, prompts_s)
    due = [
        (entry.job.first_due_s, _passes_s(entry, pass_tokens))
        for entry in islice(waiting, _LOOKED_AT)
        if entry.job.first_due_s is not None and entry.job.first_due_s > now_s and not entry.generated
    ]
    for due_s, passes_s in sorted(due):
        prompts_s += passes_s
        yield FirstTokenDue(due_s - now_s, prompts_s)


def _passes_s(entry: Entry, pass_tokens: int) -> float:
    """Seconds of the passes that a prompt takes."""
    return entry.start_s + entry.tbt_s * entry.start_tokens / max(pass_tokens, 1)
