"""JSON of TGI's own routes: what clients send to generate, and what they get."""

from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta

from freesh_plugin.core.generation import FinishReason, GenerationEnd
from freesh_plugin.core.generation import Token as CoreToken

_U32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Seed = Annotated[int, Meta(ge=0)]
_I32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]


class JsonGrammar(msgspec.Struct, frozen=True, tag_field="type", tag="json"):
    """The answer must match a JSON schema."""

    value: Any
    """The schema, or its text."""


class JsonObjectGrammar(msgspec.Struct, frozen=True, tag_field="type", tag="json_object"):
    """The same under OpenAI's word."""

    value: Any


class RegexGrammar(msgspec.Struct, frozen=True, tag_field="type", tag="regex"):
    """The answer must match a regular expression."""

    value: str


class JsonSchemaConfig(msgspec.Struct, frozen=True):
    """A JSON schema with a name."""

    schema: Any
    name: str | None = None


class JsonSchemaGrammar(msgspec.Struct, frozen=True, tag_field="type", tag="json_schema"):
    """The answer must match a named JSON schema."""

    value: JsonSchemaConfig


Grammar = JsonGrammar | JsonObjectGrammar | RegexGrammar | JsonSchemaGrammar


class GenerateParameters(msgspec.Struct, frozen=True):
    """How to generate; TGI's names, its defaults, its number types."""

    best_of: Annotated[_Count | None, Meta(description="Generate this many answers and give the likeliest.")] = None
    temperature: Annotated[float | None, Meta(description="Divides the logits; more than 0.")] = None
    repetition_penalty: Annotated[float | None, Meta(description="1.0 means none; more than 0.")] = None
    frequency_penalty: Annotated[float | None, Meta(description="From -2.0 to 2.0; 0.0 means none.")] = None
    top_k: Annotated[_I32 | None, Meta(description="Sample from this many likeliest tokens.")] = None
    top_p: Annotated[float | None, Meta(description="Sample from the likeliest tokens of this total mass.")] = None
    typical_p: Annotated[float | None, Meta(description="Mass of typical decoding.")] = None
    do_sample: Annotated[bool, Meta(description="Sample, instead of taking the likeliest token.")] = False
    max_new_tokens: Annotated[_U32 | None, Meta(description="Most tokens to generate; all that fit unless given.")] = (
        None
    )
    return_full_text: Annotated[bool | None, Meta(description="Put the prompt before the answer.")] = None
    stop: Annotated[list[str], Meta(description="Texts at which the answer ends.")] = []
    truncate: Annotated[_Count | None, Meta(description="Keep this many tokens at the prompt's end.")] = None
    watermark: Annotated[bool, Meta(description="Watermark the answer.")] = False
    details: Annotated[bool, Meta(description="Tell tokens and reason of the end.")] = False
    decoder_input_details: Annotated[bool, Meta(description="Tell log-probabilities of the prompt.")] = False
    seed: Annotated[_Seed | None, Meta(description="Seed of sampling, below 2^64; drawn unless given.")] = None
    top_n_tokens: Annotated[_U32 | None, Meta(description="Tell this many likeliest tokens at each place.")] = None
    grammar: Annotated[Grammar | None, Meta(description="What the answer must match.")] = None
    adapter_id: Annotated[str | None, Meta(description="LoRA adapter to generate with.")] = None


DEFAULT_PARAMETERS = GenerateParameters(do_sample=True)
"""What TGI takes when a request has no `parameters`; an empty object does not sample."""


class GenerateRequest(msgspec.Struct, frozen=True):
    """A prompt and how to go on from it."""

    inputs: Annotated[str, Meta(examples=["My name is Olivier and I"])]
    parameters: GenerateParameters = DEFAULT_PARAMETERS


class CompatGenerateRequest(msgspec.Struct, frozen=True):
    """The same with a switch for streaming."""

    inputs: Annotated[str, Meta(examples=["My name is Olivier and I"])]
    parameters: GenerateParameters = DEFAULT_PARAMETERS
    stream: bool = False


class PrefillToken(msgspec.Struct, frozen=True):
    """A token of the prompt."""

    id: int
    text: str
    logprob: float | None


class Token(msgspec.Struct, frozen=True):
    """A generated token."""

    id: int
    text: str
    logprob: float | None
    special: bool

    @classmethod
    def of(cls, token: CoreToken) -> Self:
        """The same token as clients see it."""
        return cls(token.id, token.text, token.logprob, token.special)


class FreeshUsage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Energy and carbon of one request."""

    energy_j: float | None = None
    carbon_gco2e: float | None = None
    carbon_kind: str | None = None

    @classmethod
    def of(cls, end: GenerationEnd) -> Self | None:
        """What is known of an answer, or None."""
        if end.energy_j is None and end.carbon_gco2e is None:
            return None
        return cls(end.energy_j, end.carbon_gco2e, end.carbon_kind)


class BestOfSequence(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that was not the best."""

    generated_text: str
    finish_reason: FinishReason
    generated_tokens: int
    seed: int | None
    prefill: list[PrefillToken]
    tokens: list[Token]
    top_tokens: list[list[Token]] | msgspec.UnsetType = msgspec.UNSET


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of an answer, and why it ended."""

    finish_reason: FinishReason
    generated_tokens: int
    seed: int | None
    prefill: list[PrefillToken]
    tokens: list[Token]
    best_of_sequences: list[BestOfSequence] | msgspec.UnsetType = msgspec.UNSET
    top_tokens: list[list[Token]] | msgspec.UnsetType = msgspec.UNSET


class GenerateResponse(msgspec.Struct, frozen=True):
    """A whole answer."""

    generated_text: str
    details: Details | msgspec.UnsetType = msgspec.UNSET


class StreamDetails(msgspec.Struct, frozen=True):
    """Why a stream ended."""

    finish_reason: FinishReason
    generated_tokens: int
    seed: int | None
    input_length: int
    freesh: FreeshUsage | msgspec.UnsetType = msgspec.UNSET


class StreamResponse(msgspec.Struct, frozen=True):
    """One event of a stream: a token, and with the last one the whole text."""

    index: int
    token: Token
    top_tokens: list[Token] | msgspec.UnsetType = msgspec.UNSET
    generated_text: str | None = None
    details: StreamDetails | None = None


class SimpleToken(msgspec.Struct, frozen=True):
    """A token of a text and its place there, in bytes of UTF-8."""

    id: int
    text: str
    start: int
    stop: int
