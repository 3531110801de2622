"""The simulated model's vocabulary: special tokens, all bytes, and words; any text can be written in it."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from freesh_plugin.adapters.tgi.simulated.words import PIECES, WORDS

BOS, EOS = "<s>", "</s>"
SPECIAL = (BOS, EOS, "<pad>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|end|>")
BOS_ID, EOS_ID = 0, 1
FIRST_BYTE_ID = len(SPECIAL)

CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% if tools %}<|system|>\nTools: {{ tools | tojson }}<|end|>\n{% endif %}"
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def _words() -> tuple[str, ...]:
    forms = (form for word in WORDS for form in (f" {word}", word, f" {word.capitalize()}", word.capitalize()))
    return tuple(dict.fromkeys(text for text in (*forms, *PIECES) if len(text) > 1))


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by id: what bytes each stands for, and the tokenizer that writes text in them."""

    words: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of tokens; ids are below it."""
        return FIRST_BYTE_ID + 256 + len(self.words)

    @cached_property
    def bytes_of(self) -> tuple[bytes, ...]:
        """The bytes of each token, special ones included."""
        special = (text.encode() for text in SPECIAL)
        return (*special, *(bytes([value]) for value in range(256)), *(word.encode() for word in self.words))

    @cached_property
    def text_of(self) -> tuple[str | None, ...]:
        """The text of each token that is whole by itself; None for a byte of a character beyond ASCII."""
        return tuple(raw.decode() if raw.isascii() else None for raw in self.bytes_of)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, as any model folder would hold it."""
        alphabet = _byte_letters()
        # The longest words win: a byte costs more than any word.
        pieces = [(text, -100.0) for text in SPECIAL]
        pieces += [(alphabet[value], -20.0) for value in range(256)]
        pieces += [("".join(alphabet[value] for value in word.encode()), -10.0) for word in self.words]
        tokenizer = Tokenizer(models.Unigram(pieces, unk_id=None, byte_fallback=False))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, BOS_ID)]
        )
        tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
        return tokenizer

    def encode(self, text: str, add_special_tokens: bool) -> list[int]:
        """Ids of a text."""
        return list(self.tokenizer.encode(text, add_special_tokens=add_special_tokens).ids)


VOCABULARY = Vocabulary(_words())


def _byte_letters() -> list[str]:
    """The printable letter that byte-level tokenizers write for each byte: itself if printable, else from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(value) if value in printable else chr(next(others)) for value in range(256)]


def write_model_folder(folder: Path, max_total_tokens: int = 8192) -> Path:
    """Write the model as a folder that a front loads like any other; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    VOCABULARY.tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": "<pad>",
        "model_max_length": max_total_tokens,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
    config = {
        "model_type": "simulated",
        "architectures": ["SimulatedForCausalLM"],
        "vocab_size": VOCABULARY.size,
        "max_position_embeddings": max_total_tokens,
        "bos_token_id": BOS_ID,
        "eos_token_id": EOS_ID,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config, indent=2))
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    return folder
