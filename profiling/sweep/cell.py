"""What one measurement of a sweep is about, and the grid of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from freesh_plugin.core.errors import ConfigError


class Work(StrEnum):
    """What the instance does meanwhile."""

    IDLE = "idle"
    PREFILL = "prefill"
    DECODE = "decode"


@dataclass(frozen=True, order=True)
class Cell:
    """One measurement.

    Attributes:
        sm_clock_mhz: The clock to hold; None = as it is found.
        work: Idle, prompts alone one after another, or a batch that decodes.
        batch: Requests at once; 0 when idle, 1 for prefill.
        prompt_tokens: Of each request.
        answer_tokens: At most, of each request; 1 for prefill.
    """

    sm_clock_mhz: int | None
    work: Work
    batch: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0


def grid(
    clocks_mhz: Sequence[int] | None,
    batches: Iterable[int],
    prompts: Iterable[int],
    answers: Iterable[int],
    most_tokens: int | None = None,
) -> tuple[Cell, ...]:
    """Every combination, sorted so that clocks change seldom, from the highest down; with one idle cell a clock.

    Args:
        clocks_mhz: To be set; None = the clock as it is found.
        batches: Requests that decode at once.
        prompts: Prompt tokens; each is also measured alone, as a prefill.
        answers: Answer tokens, at least 2.
        most_tokens: Prompt and answer together that the endpoint takes; longer cells are left out.

    Raises:
        ConfigError: a value out of range, or nothing fits.
    """
    batches, prompts, answers = sorted(set(batches)), sorted(set(prompts)), sorted(set(answers))
    _check("batch", batches, 1)
    _check("prompt tokens", prompts, 1)
    _check("answer tokens", answers, 2)
    _check("clocks", clocks_mhz or [1], 1)
    most = most_tokens or max(prompts) + max(answers)
    work = [Cell(None, Work.PREFILL, 1, prompt, 1) for prompt in prompts if prompt < most]
    work += [
        Cell(None, Work.DECODE, batch, prompt, answer)
        for batch in batches
        for prompt in prompts
        for answer in answers
        if prompt + answer <= most
    ]
    if not work:
        raise ConfigError(f"nothing to measure: the endpoint takes {most} tokens of prompt and answer together")
    clocks = [None] if clocks_mhz is None else sorted(set(clocks_mhz), reverse=True)
    return tuple(
        Cell(clock, each.work, each.batch, each.prompt_tokens, each.answer_tokens)
        for clock in clocks
        for each in (Cell(None, Work.IDLE), *work)
    )


def _check(what: str, values: Sequence[int], least: int) -> None:
    if not values or values[0] < least:
        raise ConfigError(f"{what}: {list(values)}, expected numbers no less than {least}")
