"""Text to token ids and back, as the shards do it."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import tokenizers

_INLINE_CHARACTERS = 512
"""Texts up to this length are encoded on the event loop: handing them to a thread would take longer."""

# The clean-up that `clean_up_tokenization_spaces` of a tokenizer_config.json asks of whoever decodes.
_SPACES = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of a text; `offsets` are the characters [start, stop) that each stands for."""

    ids: list[int]
    offsets: list[tuple[int, int]]


class Tokenizer:
    """A fast tokenizer whose work leaves the event loop when it is long; the library releases Python's lock."""

    def __init__(self, backend: tokenizers.Tokenizer, clean_up_spaces: bool = False, workers: int = 2) -> None:
        """Take `backend` over: truncation and padding that its file may set are switched off."""
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        self._clean_up_spaces = clean_up_spaces
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="tokenizer")

    async def encode(self, text: str, add_special_tokens: bool = True, truncate: int | None = None) -> Encoded:
        """Ids of `text`; of a longer one the last `truncate`, special tokens included."""
        if len(text) <= _INLINE_CHARACTERS:
            return self.encode_now(text, add_special_tokens, truncate)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self.encode_now, text, add_special_tokens, truncate)

    def encode_now(self, text: str, add_special_tokens: bool = True, truncate: int | None = None) -> Encoded:
        """The same, by the calling thread."""
        encoding = self._backend.encode(text, add_special_tokens=add_special_tokens)
        if truncate is not None and len(encoding.ids) > truncate:
            encoding = self._last(text, add_special_tokens, truncate)
        return Encoded(encoding.ids, encoding.offsets)

    def _last(self, text: str, add_special_tokens: bool, truncate: int) -> tokenizers.Encoding:
        # Shards cut the text on its left before they add special tokens; the first of these is never cut off.
        encoding = self._backend.encode(text, add_special_tokens=False)
        special = self._backend.num_special_tokens_to_add(False) if add_special_tokens else 0
        encoding.truncate(max(0, truncate - special), direction="left")
        return self._backend.post_process(encoding, None, add_special_tokens)

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """Text of `ids`."""
        text: str = self._backend.decode(ids, skip_special_tokens=skip_special_tokens)
        if self._clean_up_spaces:
            for found, instead in _SPACES:
                text = text.replace(found, instead)
        return text

    def answer(self, prompt_ids: Sequence[int], answer_ids: Sequence[int]) -> str:
        """Text that `answer_ids` add to a prompt, by the two offsets with which a shard finds it.

        The prompt's last token gives the context in which some tokenizers write a space or not. Like a shard, it
        gives nothing for an answer that ends within a character.
        """
        context = list(prompt_ids[-1:])
        before = self.decode(context)
        text = self.decode([*context, *answer_ids])
        return text[len(before) :] if len(text) > len(before) and not text.endswith("\ufffd") else ""

    def close(self) -> None:
        """End the threads; nothing is encoded any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
