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


@dataclass(frozen=True)
class Taking:
    """What an endpoint takes at most; None where it does not say.

    Attributes:
        requests: At once.
        prompt_tokens: Of a request.
        tokens: Prompt and answer of a request together.
    """

    requests: int | None = None
    prompt_tokens: int | None = None
    tokens: int | None = None

    def takes(self, cell: Cell) -> bool:
        """Whether it takes what is asked for in a cell."""
        return (
            cell.batch <= (self.requests or cell.batch)
            and cell.prompt_tokens <= (self.prompt_tokens or cell.prompt_tokens)
            and cell.prompt_tokens + cell.answer_tokens <= (self.tokens or cell.prompt_tokens + cell.answer_tokens)
        )

    def __str__(self) -> str:
        """What it says, in a phrase."""
        told = (
            (self.requests, "requests at once"),
            (self.prompt_tokens, "prompt tokens"),
            (self.tokens, "tokens of prompt and answer together"),
        )
        return ", ".join(f"{most} {what}" for most, what in told if most is not None)


def grid(
    clocks_mhz: Sequence[int] | None, batches: Iterable[int], prompts: Iterable[int], answers: Iterable[int]
) -> tuple[Cell, ...]:
    """Every combination, sorted so that clocks change seldom, from the highest down; with one idle cell a clock.

    Args:
        clocks_mhz: To be set; None = the clock as it is found.
        batches: Requests that decode at once.
        prompts: Prompt tokens; each is also measured alone, as a prefill.
        answers: Answer tokens, at least 2.

    Raises:
        ConfigError: a value out of range.
    """
    batches, prompts, answers = sorted(set(batches)), sorted(set(prompts)), sorted(set(answers))
    _check("batch", batches, 1)
    _check("prompt tokens", prompts, 1)
    _check("answer tokens", answers, 2)
    _check("clocks", clocks_mhz or [1], 1)
    work = [Cell(None, Work.PREFILL, 1, prompt, 1) for prompt in prompts]
    work += [
        Cell(None, Work.DECODE, batch, prompt, answer) for batch in batches for prompt in prompts for answer in answers
    ]
    clocks = [None] if clocks_mhz is None else sorted(set(clocks_mhz), reverse=True)
    return tuple(
        Cell(clock, each.work, each.batch, each.prompt_tokens, each.answer_tokens)
        for clock in clocks
        for each in (Cell(None, Work.IDLE), *work)
    )


def within(taking: Taking, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells that an endpoint takes.

    Raises:
        ConfigError: it takes none with work in it.
    """
    kept = tuple(each for each in cells if taking.takes(each))
    if all(each.work is Work.IDLE for each in kept):
        raise ConfigError(f"nothing to measure: the endpoint takes at most {taking}")
    return kept


def _check(what: str, values: Sequence[int], least: int) -> None:
    if not values or values[0] < least:
        raise ConfigError(f"{what}: {list(values)}, expected numbers no less than {least}")
