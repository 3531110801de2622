"""How a request's next token is chosen: greedily, sampled, or as a grammar demands."""

from collections.abc import Sequence
from typing import Protocol

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.simulated import language
from freesh_plugin.adapters.tgi.simulated.grammars import satisfying_text
from freesh_plugin.adapters.tgi.simulated.vocabulary import EOS_ID, VOCABULARY


class Speaker(Protocol):
    """Chooses tokens one after the other."""

    @property
    def seed(self) -> int | None:
        """What sampling depended on, if there was any."""
        ...

    def next_id(self, state: int, ids: Sequence[int]) -> int:
        """The next token, given the model's state and all ids so far."""
        ...


class Greedy:
    """Depends on the ids alone: an answer that was interrupted goes on, and ends, as if it had not been."""

    seed = None

    def __init__(self, ids: Sequence[int], states: Sequence[int], ignore_eos: bool) -> None:
        self._begins = language.answer_begins(ids, states)
        self._length = language.answer_tokens(states[self._begins - 1])
        self._ignore_eos = ignore_eos

    def next_id(self, state: int, ids: Sequence[int]) -> int:
        """The next token."""
        return language.said(state, ids, len(ids) - self._begins, self._length, self._ignore_eos)


class Sampled:
    """Depends on the seed and the position in this leg, too."""

    def __init__(self, ids: Sequence[int], states: Sequence[int], ignore_eos: bool, seed: int) -> None:
        self.seed = seed
        self._prompt_tokens = len(ids)
        self._length = language.answer_tokens(states[-1] ^ language.mix(seed))
        self._noise = language.mix(seed ^ 0x2545F491)
        self._ignore_eos = ignore_eos

    def next_id(self, state: int, ids: Sequence[int]) -> int:
        """The next token."""
        position = len(ids) - self._prompt_tokens
        return language.said(state ^ self._noise ^ position, ids, position, self._length, self._ignore_eos)


class Scripted:
    """Says a text that satisfies the request's grammar, then ends."""

    seed = None

    def __init__(self, prompt_tokens: int, text: str) -> None:
        self._prompt_tokens = prompt_tokens
        self._script = VOCABULARY.encode(text, add_special_tokens=False)

    def next_id(self, state: int, ids: Sequence[int]) -> int:
        """The next token."""
        position = len(ids) - self._prompt_tokens
        return self._script[position] if position < len(self._script) else EOS_ID


def speaker_of(request: messages.Request, ids: Sequence[int], states: Sequence[int]) -> Speaker:
    """The speaker that the request's parameters ask for.

    Raises:
        Refusal: its grammar cannot be satisfied.
    """
    wanted = request.parameters
    ignore_eos = request.stopping_parameters.ignore_eos_token
    if wanted.grammar:
        return Scripted(len(ids), satisfying_text(wanted.grammar, wanted.grammar_type))
    if wanted.do_sample or _is_warped(wanted):
        return Sampled(ids, states, ignore_eos, wanted.seed)
    return Greedy(ids, states, ignore_eos)


def _is_warped(wanted: messages.NextTokenChooserParameters) -> bool:
    """Whether the parameters ask for another distribution, which in TGI means sampling; 0 = not set."""
    return wanted.temperature not in (0, 1) or wanted.top_k != 0 or 0 < wanted.top_p < 1 or 0 < wanted.typical_p < 1
