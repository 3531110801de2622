"""Makes tiny models with random weights for TGI, without a hub: run it with TGI's interpreter.

    python tiny_models.py gpt2|llama FOLDER

GPT-2 is served padded by TGI's CausalLM, Llama with paged blocks by its FlashCausalLM. Both speak byte-level BPE,
trained here on a few sentences, so that any text, valid UTF-8 or not, can be an answer. The same seed makes the same
weights.
"""

import json
import sys
from pathlib import Path

import torch  # type: ignore[import-not-found]
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (  # type: ignore[import-not-found]
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

_SEED = 20_250_601
_POSITIONS = 1_024
_VOCABULARY = 384
_BEGIN, _END = "<s>", "</s>"
_SENTENCES = (
    "The grid is clean when the wind blows and the sun shines.",
    "Requests that can wait are served when power is cheap.",
    "Zürich, Malmö, São Paulo and 東京 each have a grid; 🙂 emoji are four bytes long.",
    "An answer must be the same however often it was interrupted, or nobody would trust it.",
)
_CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '[' + message['role'] + '] ' + message['content'] + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '[assistant] ' }}{% endif %}"
)


def make_model(kind: str, folder: Path) -> None:
    """Write config, weights and tokenizer of a model into a new folder; `kind` is gpt2 or llama."""
    folder.mkdir(parents=True)
    torch.manual_seed(_SEED)
    model = {"gpt2": _gpt2, "llama": _llama}[kind]()
    tokenizer = _trained_tokenizer(begins_with_bos=kind == "llama")
    _prefer_text(model, tokenizer)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    _describe_tokenizer(folder)


def _gpt2() -> PreTrainedModel:
    config = GPT2Config(
        vocab_size=_VOCABULARY,
        n_positions=_POSITIONS,
        n_embd=64,
        n_layer=2,
        n_head=4,
        bos_token_id=0,
        eos_token_id=1,
        initializer_range=0.4,
        tie_word_embeddings=False,
    )
    return GPT2LMHeadModel(config)


def _llama() -> PreTrainedModel:
    config = LlamaConfig(
        vocab_size=_VOCABULARY,
        max_position_embeddings=_POSITIONS,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        bos_token_id=0,
        eos_token_id=1,
        initializer_range=0.4,
    )
    return LlamaForCausalLM(config)


def _prefer_text(model: PreTrainedModel, tokenizer: Tokenizer) -> None:
    """Make tokens that are no text by themselves rare: random weights would often choose a part of a character."""
    for token in range(tokenizer.get_vocab_size()):
        if "\ufffd" in tokenizer.decode([token]):
            model.lm_head.weight.data[token] *= 0.6


def _trained_tokenizer(begins_with_bos: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        special_tokens=[_BEGIN, _END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_SENTENCES * 4, trainer)
    if begins_with_bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{_BEGIN} $A", pair=f"{_BEGIN} $A {_BEGIN} $B", special_tokens=[(_BEGIN, 0)]
        )
    return tokenizer


def _describe_tokenizer(folder: Path) -> None:
    described = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": _BEGIN,
        "eos_token": _END,
        "clean_up_tokenization_spaces": False,
        "model_max_length": _POSITIONS,
        "chat_template": _CHAT_TEMPLATE,
    }
    text = json.dumps(described, ensure_ascii=False, indent=1)
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    make_model(sys.argv[1], Path(sys.argv[2]))
