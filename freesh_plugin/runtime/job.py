"""A request as the scheduler sees it: lengths, deadline, client; no text and no token."""

from dataclasses import dataclass

from freesh_plugin.core.lengths import AnswerLength


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of a request at its arrival. Times are monotonic seconds, lengths tokens.

    Attributes:
        request_id: Unique while the request lives.
        arrival_s: When it arrived.
        deadline_s: When its last token is due.
        prompt_tokens: Length of its prompt.
        max_new_tokens: Most tokens it may get.
        answer: Predicted length of its answer.
        client: Whom fairness counts it for; empty = counted as one anonymous client.
        preemptible: Whether it may leave the batch before its end (False: its state cannot be restored).
        stretch: When nobody promised a time and the deadline is so many times (> 1) the predicted service: it then
            moves with the true length of the answer. None = the deadline is a promise and stays where it is.
        first_due_s: When its first token is due; None = nobody promised.
    """

    request_id: int
    arrival_s: float
    deadline_s: float
    prompt_tokens: int
    max_new_tokens: int
    answer: AnswerLength
    client: str = ""
    preemptible: bool = True
    stretch: float | None = None
    first_due_s: float | None = None
