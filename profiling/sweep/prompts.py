"""Prompts of a wanted number of tokens, each different, so that no prefix cache spares any work."""

import random

from freesh_plugin.core.errors import ProfileError
from profiling.sweep.endpoint import Endpoint

_TEXT = (
    "time year people way day man thing woman life child world school state family student group country"
    " problem hand part place case week company system program question work night point home water room"
    " mother area money story fact month lot right study book eye job word business issue side kind head"
    " house service friend father power hour game line end member law car city name team minute idea body"
    " information back parent face others level office door health person art war history party result"
    " change morning reason research girl guy moment air teacher force education"
)
"""Common words, each once."""

_LEAST_WORDS = 16


class PromptMaker:
    """Random words of which each is one token; made by `PromptMaker.of`."""

    def __init__(self, words: list[str], overhead: int, seed: int) -> None:
        self._words = words
        self._overhead = overhead
        self._random = random.Random(seed)

    @classmethod
    async def of(cls, endpoint: Endpoint, seed: int) -> "PromptMaker":
        """Words that this endpoint's tokenizer has as one token, and the tokens that it puts around a prompt.

        Raises:
            ProfileError: it has too few of them, or does not tokenize.
        """
        spans = {span for span in await endpoint.tokens(_TEXT) if span[1] > span[0]}
        words: list[str] = []
        start = 0
        for word in _TEXT.split():
            stop = start + len(word)
            if (start, stop) in spans or (start - 1, stop) in spans:
                words.append(word)
            start = stop + 1
        if len(words) < _LEAST_WORDS:
            raise ProfileError(
                f"{endpoint.url}: only {len(words)} of {len(_TEXT.split())} common words are one token each"
            )
        probe = 64
        made = cls(words, 0, seed)
        counted = len(await endpoint.tokens(made.prompt(probe)))
        return cls(words, counted - probe, seed)

    def prompt(self, tokens: int) -> str:
        """A prompt of that many tokens, what the tokenizer adds included; at least one word."""
        return " ".join(self._random.choices(self._words, k=max(tokens - self._overhead, 1)))
